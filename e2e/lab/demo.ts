// `npm run demo`: the lab with two nodes and a short tour; then it stays up for the user until Ctrl-C, which removes everything.
// With --check it walks the tour by itself, a line a step, and exits 1 if any step fails.
import { createInterface } from 'node:readline';
import { port, type Stage, setStage } from './demo-stage.ts';
import { demoPolicy, tour } from './demo-tour.ts';

const say = (text = ''): void => void process.stdout.write(`${text}\n`);

/** True when every step saw what it should. */
async function walk(stage: Stage): Promise<boolean> {
  let well = true;
  for (const { title, run } of tour) {
    try {
      say(`ok    ${title}\n      ${await run(stage)}`);
    } catch (e) {
      well = false;
      say(`FAIL  ${title}\n      ${e instanceof Error ? e.message : String(e)}`);
    }
  }
  return well;
}

function introduce({ pods, ztunnels, lab }: Stage): void {
  const inside = (pid: number): string => `nsenter -t ${pid} -n`;
  say('\nThe mesh is up. From another terminal, as root:\n');
  for (const pod of Object.values(pods)) {
    say(
      `  ${pod.name.padEnd(9)} node ${pod.node}  ${pod.addresses.v4.padEnd(9)} ${pod.addresses.v6.padEnd(13)} ${inside(pod.app.pid)} <command>`,
    );
  }
  const [client, server] = [pods['client-a'], pods['server-b']];
  say(`\n  ask           ${inside(client.app.pid)} curl -s http://${server.ip}:${port}`);
  for (const [name, tunnel] of Object.entries(ztunnels)) {
    say(`  ztunnel ${name}     ${inside(tunnel.child.pid)} curl -s localhost:15020/metrics     (or localhost:15000/config_dump)`);
  }
  say(`  the wire      nsenter --net=/proc/${process.pid}/fd/${lab.underlay.fd} tcpdump -ni br0 tcp`);
  say('\nHere: type `deny` to forbid client-a everything, `allow` to take that back; the access log follows. Ctrl-C removes everything.\n');
}

async function stayUp(stage: Stage, stop: AbortSignal): Promise<void> {
  introduce(stage);
  for (const [name, tunnel] of Object.entries(stage.ztunnels)) tunnel.child.follow((line) => say(`[ztunnel ${name}] ${line}`));
  const typed = createInterface({ input: process.stdin });
  typed.on('line', (line) => {
    const change = { deny: () => stage.lab.controlPlane.put(demoPolicy), allow: () => stage.lab.controlPlane.remove(demoPolicy) }[
      line.trim()
    ];
    void change?.().catch((e: unknown) => say(String(e)));
  });
  await new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }));
  typed.close();
}

async function main(check: boolean): Promise<number> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
  say('Building two nodes and five pods in network namespaces of their own ...');
  const startedAt = performance.now();
  await using stage = await setStage();
  say(`... done in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s. A short tour:\n`);
  const well = await walk(stage);
  if (!check && !stop.signal.aborted) await stayUp(stage, stop.signal);
  return well ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.includes('--check'));
} catch (e) {
  say(e instanceof Error ? e.message : String(e));
  process.exitCode = 1;
}
