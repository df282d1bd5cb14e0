#!/bin/sh
# First boot: from what a node's card carries to a running agent. As root:
#
#   sh first-boot.sh [CARD]        CARD: the card's boot partition, /boot/firmware when left out
#
# cloud-init starts it once; until it has succeeded, a unit that it installs itself starts it at each boot. Steps that are done
# are remembered in /var/lib/caye-provision/steps; every step may be cut short and run again. What it comes to stands on the
# card: PROVISION-OK.txt or PROVISION-FAILED.txt.
#
# For tests: CAYE_FIRST_BOOT_ROOT is put before every path of the system.
set -eu
umask 022
# Ansible wants an encoding that is UTF-8; without a locale of its own every Debian has this one.
LC_ALL=C.UTF-8
export LC_ALL DEBIAN_FRONTEND=noninteractive

root=${CAYE_FIRST_BOOT_ROOT:-}
card=${1:-$root/boot/firmware}
state=$root/var/lib/caye-provision
log=$root/var/log/caye-first-boot.log
units=$root/etc/systemd/system
unit=caye-first-boot-resume.service
current=start
told=no
remounted=no

# --- what people are told -------------------------------------------------------------------------------------------------

# Whole or not at all, also when the power fails. $1: the file; its text on standard input.
put() {
    cat > "$1.new"
    sync
    mv -f "$1.new" "$1"
    sync
}

# The lamp says it, too, where one is wired: in a unit of its own, for longer than this script runs. $1: on or off.
lamp() {
    systemctl stop caye-first-boot-lamp.service > /dev/null 2>&1 || :
    if [ "$1" = off ] || ! command -v caye > /dev/null 2>&1; then return 0; fi
    systemd-run --no-block --collect --unit=caye-first-boot-lamp \
        caye board blink provision-failed --config /etc/caye/caye.toml --seconds 86400 > /dev/null 2>&1 || :
}

# The disk's own word: $state can't be made, or holds nothing more. Whatever failed then, this is why.
disk_says() {
    (mkdir -p "$state/steps" && dd if=/dev/zero of="$state/.room" bs=65536 count=1) 2>&1 || :
    rm -f "$state/.room" 2> /dev/null || :
}

# $1 reason, $2 what to do; $3 and $4 the same in Spanish.
fail() {
    told=yes
    case "$(disk_says)" in
        *"No space left"*)
            set -- "the node's disk is full" \
                "make room on it, or take a larger card" \
                "el disco del nodo está lleno" \
                "libere espacio, o use una tarjeta más grande"
            ;;
        *"Read-only file system"*)
            set -- "the node's disk can't be written to" \
                "mount it for writing; a card that turns read-only by itself is worn out: take another one" \
                "no se puede escribir en el disco del nodo" \
                "móntelo con escritura; una tarjeta que pasa sola a solo lectura está gastada: use otra"
            ;;
    esac
    lamp on
    put "$card/PROVISION-FAILED.txt" << TEXT || :
This node was not set up. It stopped at the step: $current
Why: $1
What to do: $2
It tries again at each start. Details: /var/log/caye-first-boot.log on the node, the end of it below.

Este nodo no quedó configurado. Se detuvo en el paso: $current
Motivo: $3
Qué hacer: $4
Lo intenta de nuevo en cada arranque. Detalles: /var/log/caye-first-boot.log en el nodo; el final está abajo.

$(tail -n 15 "$log" 2> /dev/null | tr -cd '\11\12\40-\176')
TEXT
    rm -f "$card/PROVISION-OK.txt"
    # To the journal and the console.
    printf 'caye first boot: failed at %s: %s\n%s\n%s\n%s\n' "$current" "$1" "$2" "$3" "$4" >&2
    exit 1
}

at_end() {
    status=$?
    if [ "$status" -ne 0 ] && [ "$told" = no ]; then
        # In a shell of its own: fail ends what it runs in.
        (fail "a command failed (status $status)" \
            "look at the log below; if you can't tell, write the card again with caye provision card" \
            "falló un comando (código $status)" \
            "vea el registro abajo; si no está claro, prepare la tarjeta de nuevo con caye provision card") || :
    fi
    if [ "$remounted" = yes ]; then mount -o remount,ro "$card" || :; fi
    exit "$status"
}

# --- steps ----------------------------------------------------------------------------------------------------------------

# Runs $1 unless it was done. Done is what was synced before the mark.
step() {
    current=$1
    if [ -e "$state/steps/$1" ]; then return 0; fi
    echo "step: $1" >> "$log"
    "step_$1"
    sync
    : > "$state/steps/$1"
    sync
}

step_resume() {
    # From the card itself it could not go on when the card's copy is what was damaged.
    put "$state/first-boot.sh" < "$card/caye/first-boot.sh"
    printf '%s\n' "$card" | put "$state/card"
    # An image with a read-only root has a unit of its own for this.
    if ! { mkdir -p "$units" && : > "$units/.caye-first-boot"; } 2> /dev/null; then return 0; fi
    rm -f "$units/.caye-first-boot"
    # Not ordered after cloud-final.service: that waits for multi-user.target, so systemd would drop one of the two.
    put "$units/$unit" << UNIT
[Unit]
Description=Caye: go on with this node's first boot
Documentation=file:///usr/share/doc/caye
After=local-fs.target network.target
ConditionPathExists=!/var/lib/caye-provision/done

[Service]
Type=oneshot
ExecStart=/bin/sh /var/lib/caye-provision/first-boot.sh $card
StandardError=journal+console
TimeoutStartSec=30min

[Install]
WantedBy=multi-user.target
UNIT
    systemctl daemon-reload
    systemctl enable "$unit" >> "$log" 2>&1
}

step_sums() {
    if ! (cd "$card" && sha256sum --check --strict --quiet caye/SHA256SUMS) >> "$log" 2>&1; then
        fail "files on this card are not as they were written: it was pulled out too early, or it wears out" \
            "write it again with caye provision card; if that fails, too, take another card" \
            "hay archivos en la tarjeta que no están como se escribieron: se retiró antes de tiempo, o está gastada" \
            "prepárela de nuevo con caye provision card; si vuelve a fallar, use otra tarjeta"
    fi
}

# Before the package: the agent's first start measures its configuration.
step_configuration() {
    mkdir -p "$root/etc/caye"
    put "$root/etc/caye/caye.toml" < "$card/caye/caye.toml"
    chmod 0644 "$root/etc/caye/caye.toml"
}

step_keys() {
    mkdir -p "$root/etc/caye/release-keys"
    for key in "$card"/caye/release-keys/*.pub; do
        name=$(basename "$key")
        if [ -e "$key" ]; then put "$root/etc/caye/release-keys/$name" < "$key"; fi
    done
}

find_package() {
    package=
    for file in "$card"/caye/caye_*.deb; do
        if [ -e "$file" ]; then package=$file; fi
    done
}

installed_version() {
    dpkg-query -W -f='${db:Status-Status} ${Version}' caye 2> /dev/null | sed -n 's/^installed //p'
}

step_package() {
    find_package
    if [ -z "$package" ]; then
        if command -v caye > /dev/null 2>&1; then return 0; fi
        fail "there is no package on the card, and Caye is not in this image" \
            "write the card with --package" \
            "no hay paquete en la tarjeta, y esta imagen no trae Caye" \
            "prepare la tarjeta con --package"
    fi
    name=$(basename "$package")
    # Of the signed manifest, the row of this file. Who wrote the card has checked the signatures.
    wanted=$(sed -n "/\"name\": \"$name\"/,/}/s/.*\"sha256\": \"\([0-9a-f]*\)\".*/\1/p" "$package.manifest" | head -n 1)
    if [ -z "$wanted" ] || [ "$(sha256sum < "$package" | cut -c 1-64)" != "$wanted" ]; then
        fail "the package is not the one that its manifest vouches for" \
            "take package and manifest from one release, and write the card again" \
            "el paquete no es el que avala su manifiesto" \
            "use el paquete y el manifiesto de una misma versión, y prepare la tarjeta de nuevo"
    fi
    # What a power cut left half done.
    dpkg --configure -a >> "$log" 2>&1 || :
    have=$(installed_version)
    version=$(dpkg-deb -f "$package" Version)
    if [ -n "$have" ] && dpkg --compare-versions "$have" ge "$version"; then
        echo "installed already: $have" >> "$log"
    elif [ -e "$card/caye/ansible.tar.gz" ] && command -v ansible-playbook > /dev/null 2>&1; then
        with_ansible
    else
        # With the driver of a radio hat, where the card brings it.
        for file in "$card"/caye/meshtasticd_*.deb; do
            if [ -e "$file" ]; then dpkg --install "$file" >> "$log" 2>&1 || :; fi
        done
        dpkg --install "$package" >> "$log" 2>&1 || apt-get --fix-broken --yes install >> "$log" 2>&1 || :
    fi
    if [ -z "$(installed_version)" ]; then
        fail "the package could not be installed" \
            "look at the log below; if packages are missing, connect the node to the internet once, by cable" \
            "no se pudo instalar el paquete" \
            "vea el registro abajo; si faltan paquetes, conecte el nodo a internet una vez, por cable"
    fi
}

with_ansible() {
    rm -rf "$state/ansible"
    mkdir -p "$state/ansible"
    tar -xzf "$card/caye/ansible.tar.gz" -C "$state/ansible" --no-same-owner
    # The folder itself, or what is in it.
    play=$state/ansible
    if [ -d "$play/ansible" ]; then play=$play/ansible; fi
    # It refuses to work in a locale that is not UTF-8.
    if ! (cd "$play" && ansible-playbook -i inventory/local.yml site.yml -e "card=$card") >> "$log" 2>&1; then
        fail "Ansible's playbook failed" \
            "look at the log below; without ansible.tar.gz on the card the package is installed alone" \
            "falló el playbook de Ansible" \
            "vea el registro abajo; sin ansible.tar.gz en la tarjeta se instala solo el paquete"
    fi
}

# What caye bootstrap ended with, $1, in Spanish: the reason and what to do, a line each.
in_spanish() {
    case "$1" in
        RADIO_ABSENT) echo "no hay ninguna radio conectada
conéctela con un cable que lleve datos y arranque de nuevo: el nodo sigue solo" ;;
        RADIO_AMBIGUOUS) echo "hay varios aparatos que pueden ser la radio
desconecte los demás, o indique cuál es: radio.modem en order.toml y caye.toml" ;;
        RADIO_STRANGE) echo "lo que está en ese puerto no es una radio Meshtastic
conecte la radio ahí, o indique otro puerto" ;;
        RADIO_SILENT | RADIO_LOST) echo "la radio no contesta
desconéctela y conéctela de nuevo; pruebe otro cable" ;;
        RADIO_COUNTRY | RADIO_REFUSED | CHANNEL_CONFLICT) echo "región, país y canales de la radio no concuerdan
averigüe cuál es correcto y prepare la tarjeta de nuevo" ;;
        TPM_MISSING) echo "se ordenó un chip TPM y no se encuentra
revise que el módulo esté bien puesto; para un nodo sin chip ordene tpm = software" ;;
        TPM_OTHER_KEYS) echo "las claves de este disco son de otro chip TPM
ponga el chip correcto, o use las palabras de recuperación" ;;
        ATTEST_MISMATCH | UNSEAL_MISMATCH) echo "el chip TPM, el programa o la configuración no son los de antes
ponga el chip de este nodo; caye status dice qué cambió" ;;
        TPM_LOCKED | TPM_FAILED | TPM_ERROR) echo "el chip TPM no funciona bien
deje el nodo sin corriente un rato y arranque de nuevo; si sigue así, cambie el chip" ;;
        ENTROPY_*) echo "la fuente de azar falta, o no pasa sus pruebas
conéctela de nuevo, u ordene otra" ;;
        *) echo "no se pudo configurar el nodo${1:+ ($1)}: vea las últimas líneas abajo
corrija lo que dicen y arranque de nuevo" ;;
    esac
}

step_bootstrap() {
    if said=$(caye bootstrap --card "$card" 2>&1); then
        printf '%s\n' "$said" >> "$log"
        return 0
    fi
    printf '%s\n' "$said" >> "$log" || :
    # It ends with "NODE is not set up; it failed at STEP: WHY (CODE)", or "NODE waits at …", and what to do.
    end=$(printf '%s\n' "$said" | sed -n '/ at [a-z]*: .* ([A-Z0-9_]*)$/,$p')
    why=$(printf '%s\n' "$end" | sed -n '1s/^.* at [a-z]*: //p')
    code=$(printf '%s\n' "$why" | sed -n 's/.* (\([A-Z0-9_]*\))$/\1/p')
    what=$(printf '%s\n' "$end" | sed -n '2p')
    spanish=$(in_spanish "$code")
    fail "${why:-the node could not be set up: see the last lines below}" \
        "${what:-put right what they say, and start it again}" \
        "$(printf '%s\n' "$spanish" | head -n 1)" \
        "$(printf '%s\n' "$spanish" | tail -n 1)"
}

# Overwritten, then removed. A memory card writes elsewhere than it is told, so old cells may keep the text until they are
# used again: who may have had the card in hand may have the keys.
wipe() {
    if [ ! -e "$1" ]; then return 0; fi
    bytes=$(wc -c < "$1")
    if [ "$bytes" -gt 0 ]; then dd if=/dev/zero of="$1" bs="$bytes" count=1 conv=notrunc 2> /dev/null; fi
    sync
    rm -f "$1"
    sync
}

step_wipe() {
    wipe "$card/caye/secrets.toml"
    # The network is known to the system by now; its password need not lie on the card. user-data holds no secret.
    after=$card/caye/network-config.after
    if [ -e "$after" ]; then
        if [ -e "$card/network-config" ] && ! cmp -s "$card/network-config" "$after"; then
            mv -f "$card/network-config" "$card/network-config.old"
        fi
        if [ ! -e "$card/network-config" ]; then put "$card/network-config" < "$after"; fi
    fi
    wipe "$card/network-config.old"
}

step_finish() {
    rm -f "$card/PROVISION-FAILED.txt"
    put "$card/PROVISION-OK.txt" << TEXT
This node is set up and runs. Its name, number and QR code: caye/node-card.txt on this card.
If caye/requests holds a request, the village's authority signs it: caye provision enrol. Keys on this card were wiped.

Este nodo está configurado y en marcha. Su nombre, número y código QR: caye/node-card.txt en esta tarjeta.
Si hay una solicitud en caye/requests, la autoridad del pueblo la firma: caye provision enrol. Las claves de la tarjeta se borraron.
TEXT
    : > "$state/done"
    sync
    if [ -e "$units/$unit" ]; then systemctl disable "$unit" >> "$log" 2>&1 || :; fi
    lamp off
}

# --- what is done ---------------------------------------------------------------------------------------------------------

mkdir -p "$root/run"
exec 9> "$root/run/caye-first-boot.lock"
if ! flock -n 9; then
    echo "caye first boot: it runs already" >&2
    exit 0
fi

if [ ! -e "$card/caye/SHA256SUMS" ]; then
    echo "caye first boot: $card carries no node" >&2
    exit 1
fi

order=$(sha256sum < "$card/caye/SHA256SUMS" | cut -c 1-64)
known=$(cat "$state/order" 2> /dev/null || :)
if [ "$known" = "$order" ] && [ -e "$state/done" ]; then exit 0; fi

# From here on what fails is told on the card: also a disk that is full, or can't be written to.
trap at_end EXIT
if ! : > "$card/.caye-first-boot" 2> /dev/null; then
    mount -o remount,rw "$card"
    remounted=yes
else
    rm -f "$card/.caye-first-boot"
fi

mkdir -p "$state/steps" "$root/var/log"
# Another card, or the same one written anew, begins from the start.
if [ "$known" != "$order" ]; then
    rm -rf "$state/steps" "$state/done"
    mkdir -p "$state/steps"
    printf '%s\n' "$order" | put "$state/order"
fi

step resume
step sums
step configuration
step keys
step package
step bootstrap
step wipe
step finish
