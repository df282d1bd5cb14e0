/**
 * Suffix array by induced sorting (Nong, Zhang, Chan 2009), and the common prefixes of neighbours in it (Kärkkäinen,
 * Manzini, Puglisi 2009). Both take time linear in the text, whatever it repeats; about 20 bytes of memory a symbol.
 * @module
 */

type Text = Uint8Array | Int32Array;

/** The starts of all suffixes, sorted. @param alphabet each symbol is below it */
export function suffixArray(text: Text, alphabet: number): Int32Array {
  const order = new Int32Array(text.length);
  if (text.length < 2) return order;
  const rising = risingSuffixes(text);
  const buckets = bucketsOf(text, rising, alphabet);
  const leaps = leapsOf(rising);
  induce(text, rising, buckets, leaps, order);
  if (leaps.length > 1) induce(text, rising, buckets, sortedLeaps(text, rising, leaps, order), order);
  return order;
}

/** 1 where a suffix is less than the one that begins a symbol later. The empty suffix is the least of all. */
function risingSuffixes(text: Text): Uint8Array {
  const rising = new Uint8Array(text.length);
  for (let i = text.length - 2; i >= 0; i--) {
    const here = text[i] ?? 0;
    const next = text[i + 1] ?? 0;
    rising[i] = here < next || (here === next && rising[i + 1] === 1) ? 1 : 0;
  }
  return rising;
}

function isLeap(rising: Uint8Array, i: number): boolean {
  return i > 0 && rising[i] === 1 && rising[i - 1] === 0;
}

/** Where rising begins: the suffixes from which the order of all others follows. No two of them are neighbours. */
function leapsOf(rising: Uint8Array): Int32Array {
  let count = 0;
  for (let i = 1; i < rising.length; i++) if (isLeap(rising, i)) count++;
  const leaps = new Int32Array(count);
  count = 0;
  for (let i = 1; i < rising.length; i++) if (isLeap(rising, i)) leaps[count++] = i;
  return leaps;
}

/** Where in the order the suffixes of each first symbol begin, and the rising ones among them, which come last. */
interface Buckets {
  readonly start: Int32Array;
  readonly rising: Int32Array;
}

function bucketsOf(text: Text, rising: Uint8Array, alphabet: number): Buckets {
  const all = new Int32Array(alphabet);
  const falling = new Int32Array(alphabet);
  for (let i = 0; i < text.length; i++) {
    const symbol = text[i] ?? 0;
    all[symbol] = (all[symbol] ?? 0) + 1;
    if (rising[i] === 0) falling[symbol] = (falling[symbol] ?? 0) + 1;
  }
  const start = new Int32Array(alphabet + 1);
  for (let symbol = 0; symbol < alphabet; symbol++) start[symbol + 1] = (start[symbol] ?? 0) + (all[symbol] ?? 0);
  return { start, rising: falling.map((count, symbol) => (start[symbol] ?? 0) + count) };
}

/** Sorts all suffixes from the leaps: falling ones from the left, rising ones from the right. */
function induce(text: Text, rising: Uint8Array, buckets: Buckets, leaps: Int32Array, order: Int32Array): void {
  order.fill(-1);
  const place = buckets.rising.slice();
  for (const leap of leaps) putNext(text, place, leap, order);
  place.set(buckets.start.subarray(0, place.length));
  putNext(text, place, text.length - 1, order);
  for (let i = 0; i < order.length; i++) {
    const before = (order[i] ?? 0) - 1;
    if (before >= 0 && rising[before] === 0) putNext(text, place, before, order);
  }
  place.set(buckets.start.subarray(1));
  for (let i = order.length - 1; i >= 0; i--) {
    const before = (order[i] ?? 0) - 1;
    if (before < 0 || rising[before] === 0) continue;
    const symbol = text[before] ?? 0;
    const at = (place[symbol] ?? 0) - 1;
    order[at] = before;
    place[symbol] = at;
  }
}

function putNext(text: Text, place: Int32Array, suffix: number, order: Int32Array): void {
  const symbol = text[suffix] ?? 0;
  const at = place[symbol] ?? 0;
  order[at] = suffix;
  place[symbol] = at + 1;
}

/** The leaps in order, from an `order` that is right about the stretches between them: names each stretch, and recurs. */
function sortedLeaps(text: Text, rising: Uint8Array, leaps: Int32Array, order: Int32Array): Int32Array {
  // Leaps are at least two apart, so that half a position names one.
  const numberOf = new Int32Array((text.length >> 1) + 1);
  for (let i = 0; i < leaps.length; i++) numberOf[(leaps[i] ?? 0) >> 1] = i;
  const names = new Int32Array(leaps.length);
  let name = 0;
  let previous = -1;
  for (const start of order) {
    if (!isLeap(rising, start)) continue;
    const number = numberOf[start >> 1] ?? 0;
    if (previous >= 0 && !sameStretch(text, leaps, previous, number)) name++;
    names[number] = name;
    previous = number;
  }
  return suffixArray(names, name + 1).map((number) => leaps[number] ?? 0);
}

/** Compares from one leap up to the next, that one's first symbol included. The last stretch is like no other. */
function sameStretch(text: Text, leaps: Int32Array, a: number, b: number): boolean {
  if (a + 1 >= leaps.length || b + 1 >= leaps.length) return false;
  const fromA = leaps[a] ?? 0;
  const fromB = leaps[b] ?? 0;
  const length = (leaps[a + 1] ?? 0) - fromA;
  if (length !== (leaps[b + 1] ?? 0) - fromB) return false;
  for (let i = 0; i <= length; i++) if (text[fromA + i] !== text[fromB + i]) return false;
  return true;
}

/**
 * How many symbols each suffix in order shares with the one before it; 0 for the first.
 * @param order the text's suffix array, which is overwritten with the result
 */
export function commonPrefixes(text: Uint8Array, order: Int32Array): Int32Array {
  const shared = new Int32Array(text.length);
  let before = -1;
  for (const start of order) {
    shared[start] = before;
    before = start;
  }
  let length = 0;
  for (let i = 0; i < shared.length; i++) {
    const other = shared[i] ?? 0;
    if (other < 0) length = 0;
    else {
      const most = text.length - Math.max(i, other);
      while (length < most && text[i + length] === text[other + length]) length++;
    }
    shared[i] = length;
    if (length > 0) length--;
  }
  for (let i = 0; i < order.length; i++) order[i] = shared[order[i] ?? 0] ?? 0;
  return order;
}
