// Image `ambient-mesh/client`: asks URLs again and again, one after the other, and says how each went. Arguments: URLs; `EVERY_MS` between two,
// default 1000. Each request has a connection of its own, as short-lived clients have. Without URLs it only waits, for `kubectl exec`.

import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

process.on('SIGTERM', () => process.exit(0));

const urls = process.argv.slice(2);
const everyMs = Number(process.env.EVERY_MS ?? 1_000);
const timeoutMs = 5_000;

function ask(url: string): Promise<string> {
  return new Promise((resolve) => {
    const asked = request(url, { agent: false, timeout: timeoutMs }, (answer) => {
      answer.resume().on('end', () => resolve(`${answer.statusCode} ${answer.headers['x-pod'] ?? ''}`));
    });
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    asked.on('error', (e) => resolve(`failed: ${e.message}`));
    asked.end();
  });
}

// A timer keeps the process alive when there is nothing to ask.
setInterval(() => {}, 2 ** 30);
while (urls.length > 0) {
  for (const url of urls) process.stdout.write(`${url} ${await ask(url)}\n`);
  await sleep(everyMs);
}
