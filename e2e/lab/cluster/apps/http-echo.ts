// Image `ambient-mesh/http-echo`: an HTTP/1.1 server that says who it is, who asked and what was asked. Arguments: ports; default 8080.
// GET /status/503 answers with that status; GET /delay/250 after so many milliseconds; everything else with 200.
// `TEXT` is part of each answer; GET /ready, for probes, is not logged.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

const mostBodyBytes = 1 << 20;

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const piece = Buffer.from(chunk);
    bytes += piece.length;
    if (bytes <= mostBodyBytes) chunks.push(piece);
  }
  return Buffer.concat(chunks).toString();
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', url = '/', headers, socket } = request;
  const [, order, number = ''] = /^\/(status|delay)\/(\d{1,5})/.exec(url) ?? [];
  if (order === 'delay') await sleep(Number(number));
  const status = order === 'status' && Number(number) >= 200 && Number(number) <= 599 ? Number(number) : 200;
  const seen = {
    pod: hostname(),
    text: process.env.TEXT ?? '',
    peer: (socket.remoteAddress ?? '').replace('::ffff:', ''),
    method,
    url,
    headers,
    body: await bodyOf(request),
  };
  response.writeHead(status, { 'content-type': 'application/json', 'x-pod': hostname() }).end(`${JSON.stringify(seen)}\n`);
  if (url !== '/ready') process.stdout.write(`${method} ${url} ${status} from ${seen.peer}\n`);
}

const ports = process.argv.slice(2).map(Number);
const servers = (ports.length === 0 ? [8080] : ports).map((port) =>
  createServer((request, response) => void answer(request, response).catch(() => response.destroy())).listen(port, () =>
    process.stdout.write(`listening on ${port}\n`),
  ),
);

process.on('SIGTERM', () => {
  for (const server of servers) server.close();
  process.stdout.write('asked to end\n');
  process.exit(0);
});
