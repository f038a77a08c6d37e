// Rules of asking a machine whether it can capture at all (facts: control-plane §2.15, DetectNftJSONSupport).
// Beside nftables-fault.ts; needs root and nft. Other machines are played by a PATH with another nft, or none.
import { chmodSync, mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { nftablesFault } from './nftables-fault.ts';

const soon = () => AbortSignal.timeout(15_000);
const path = process.env.PATH;
afterEach(() => {
  process.env.PATH = path;
});

test('a machine with nft and nf_tables lacks nothing', async () => {
  expect(await nftablesFault(soon())).toBeUndefined();
});

const machines: readonly (readonly [what: string, script: string | undefined, fault: RegExp | undefined])[] = [
  ['no nft', undefined, /^nft cannot be run: .*ENOENT/],
  ['an nft that answers', `echo '{"nftables": []}'`, undefined],
  [
    'an nft without JSON that says so',
    'echo "Error: JSON support not compiled-in" >&2; exit 1',
    /^nft fails: Error: JSON support not compiled-in$/,
  ],
  ['an nft without JSON that does not say so', 'echo "table inet t"', /^nft answers without JSON/],
  [
    'a kernel without nf_tables',
    'echo "cache initialization failed: Operation not supported" >&2; exit 1',
    /^this kernel has no nf_tables \(/,
  ],
  [
    'a kernel without netfilter sockets',
    'echo "Unable to initialize Netlink socket: Protocol not supported" >&2; exit 1',
    /^this kernel has no nf_tables \(/,
  ],
  ['missing rights', 'echo "Operation not permitted (you must be root)" >&2; exit 1', /^nft fails: Operation not permitted/],
  ['an nft that dies', 'kill -SEGV $$', /^nft cannot be run: /],
];
test.each(machines)('%s', async (_, script, fault) => {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'ambient-nft-'));
  if (script !== undefined) {
    writeFileSync(join(folder.path, 'nft'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder.path, 'nft'), 0o755);
  }
  process.env.PATH = folder.path;
  const said = await nftablesFault(soon());
  if (fault === undefined) expect(said).toBeUndefined();
  else expect(said).toMatch(fault);
});
