// Image `ambient-mesh/app`: the servers of the lab's in-pod program, chosen by arguments: `8080=http`, `9090=echo`, `53=dns`…
// `TEXT` is what `http` answers; default the pod's name. Kinds that need more than a name are given as JSON: `8080={"kind":"source","bytes":9}`.
import { hostname } from 'node:os';
import type { ServerKind } from '../../apps/protocol.ts';
import { serve } from '../../apps/servers.ts';

function kindOf(text: string): ServerKind {
  if (text.startsWith('{')) return JSON.parse(text) as ServerKind;
  if (text === 'http') return { kind: 'http', text: process.env.TEXT ?? hostname() };
  return { kind: text } as ServerKind;
}

for (const argument of process.argv.slice(2)) {
  const [, port = '', kind = ''] = /^(\d+)=(.+)$/.exec(argument) ?? [];
  if (kind === '') throw new Error(`not PORT=KIND: ${argument}`);
  await serve({ port: Number(port), server: kindOf(kind) });
  process.stdout.write(`${kind} on ${port}\n`);
}
process.on('SIGTERM', () => process.exit(0));
