#!/bin/sh
# Makes the certificates beside this file with OpenSSL's command line: chips' certificates, good ones and each with one fault.
# The keys are thrown away. Usage: sh make-certificates.sh (writes into its own directory)
set -eu
out=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir new
: > index.txt
echo 01 > serial
cat > ca.cnf <<'CNF'
[ca]
default_ca = this
[this]
database = index.txt
serial = serial
new_certs_dir = new
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = optional
[req]
distinguished_name = dn
prompt = no
[dn]
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[issuer]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign
[free_issuer]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[ek]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = 2.23.133.8.1
subjectAltName = critical,dirName:tpm
[tpm]
1.2.23.133.2.1 = id:43415945
2.2.23.133.2.2 = test
3.2.23.133.2.3 = id:00000001
[ek_critical]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = 2.23.133.8.1
1.2.3.4.5 = critical,ASN1:UTF8String:nobody knows
[server]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = serverAuth
[ek_as_ca]
basicConstraints = critical,CA:TRUE
extendedKeyUsage = 2.23.133.8.1
CNF
p256() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }
# NAME SUBJECT SECTION ISSUER FROM UNTIL [KEY] [DIGEST]
make() {
  key=${7:-$1}
  [ -f "$key.key" ] || p256 "$key"
  openssl req -new -config ca.cnf -subj "$2" -key "$key.key" -out req.pem
  if [ "$4" = self ]; then set -- "$1" "$2" "$3" "$4" "$5" "$6" "$key" "${8:-sha256}"; by="-selfsign -keyfile $key.key"
  else by="-cert $4.pem -keyfile $(cat "$4.keyname").key"; fi
  # shellcheck disable=SC2086
  openssl ca -batch -notext -config ca.cnf $by -extensions "$3" -startdate "$5" -enddate "$6" -md "${8:-sha256}" -in req.pem -out "$1.pem" 2>err.txt || { cat err.txt >&2; exit 1; }
  echo "$key" > "$1.keyname"
}
LONG="20200101000000Z 20400101000000Z"
openssl genrsa -out root.key 2048 2>/dev/null
make root "/CN=Chips Root" root self $LONG
make issuer "/CN=Chips Issuer" issuer root $LONG
make issuer-expired "/CN=Chips Issuer" issuer root 20200101000000Z 20210101000000Z issuer
make below "/CN=Chips Issuer Below" free_issuer issuer $LONG
make stranger "/CN=Chips Root" root self $LONG
openssl genrsa -out ek-rsa.key 2048 2>/dev/null
make ek-rsa "/" ek issuer $LONG
make ek-ecc "/" ek issuer $LONG
make ek-short "/" ek issuer 20200101000000Z 20210101000000Z ek-ecc
make ek-critical "/" ek_critical issuer $LONG ek-ecc
make ek-server "/" server issuer $LONG ek-ecc
make ek-as-ca "/" ek_as_ca issuer $LONG ek-ecc
make ek-far "/" ek below $LONG ek-ecc
make ek-sha1 "/" ek issuer $LONG ek-ecc sha1
cp ./*.pem "$out"
rm -f "$out/req.pem"
