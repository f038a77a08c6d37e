// The Huffman code of HPACK (RFC 7541 §5.2, appendix B): decoding only, since what we send is not compressed.
// Used by hpack-decoder.ts. The code is canonical, so that the lengths below say all.

// biome-ignore format: a table
const codeLengths = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
] as const;

const endOfString = 256;

/** A binary trie, two slots a node: below zero is ~symbol, zero is "not yet", above is the next node's index. */
const trie: Int16Array = buildTrie();

function buildTrie(): Int16Array {
  const nodes: number[] = [0, 0];
  const symbols = [...codeLengths.keys()].sort((a, b) => (codeLengths[a] ?? 0) - (codeLengths[b] ?? 0) || a - b);
  let code = 0;
  let length = 0;
  for (const symbol of symbols) {
    const own = codeLengths[symbol] ?? 0;
    code <<= own - length;
    length = own;
    let node = 0;
    for (let bit = own - 1; bit >= 0; bit--) {
      const slot = node + ((code >>> bit) & 1);
      if (bit === 0) nodes[slot] = ~symbol;
      else {
        if (!nodes[slot]) nodes[slot] = nodes.push(0, 0) - 2;
        node = nodes[slot] ?? 0;
      }
    }
    code++;
  }
  return Int16Array.from(nodes);
}

/** The decoded octets as latin1 text; undefined when the padding is not a short prefix of the end-of-string code, or that code occurs. */
export function decodeHuffman(bytes: Uint8Array): string | undefined {
  const out = Buffer.allocUnsafe(Math.ceil((bytes.length * 8) / 5));
  let length = 0;
  let node = 0;
  let sinceSymbol = 0;
  let onlyOnes = true;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      const one = (byte >>> bit) & 1;
      const next = trie[node + one] ?? 0;
      if (next < 0) {
        if (~next === endOfString) return undefined;
        out[length++] = ~next;
        node = 0;
        sinceSymbol = 0;
        onlyOnes = true;
      } else {
        node = next;
        sinceSymbol++;
        if (one === 0) onlyOnes = false;
      }
    }
  }
  return sinceSymbol < 8 && onlyOnes ? out.toString('latin1', 0, length) : undefined;
}
