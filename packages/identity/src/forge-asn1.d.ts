// Types for the one part of node-forge that we load: its DER encoder (der-write.ts).
// The whole library costs 11 MB and 40 ms at start; this file of it 3 MB and 5 ms.
// Its own type package only describes the whole.
declare module 'node-forge/lib/asn1.js' {
  import type { asn1 } from 'node-forge';

  const encoder: typeof asn1;
  export default encoder;
}
