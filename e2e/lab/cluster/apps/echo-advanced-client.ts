// `client` of the image `echo-advanced`, which the Gateway API's conformance suite runs in its pods: `client URL [--method=M] [-H name:value]… [--count=N]`.
// Schemes http and grpc. Prints what it sent and got as lines, each answer followed by a blank one; exits 1 when any request had no answer.
// HTTP requests have a connection each, gRPC calls share one. Not requests.ts, which takes orders in JSON and says more.
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { buffer, text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { decodeEcho, echoMethod, encodeEcho } from './echo-advanced.ts';
import { frame, unframeBytes } from './grpc-frame.ts';

const atOnce = 20;
/** For each request, and for connecting. */
const timeoutMs = 5_000;

type Lines = readonly (readonly [name: string, value: string])[];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    method: { type: 'string', default: 'GET' },
    header: { type: 'string', short: 'H', multiple: true, default: [] },
    count: { type: 'string', default: '1' },
  },
});
const url = new URL((positionals[0] ?? '').replace(/^grpc:/, 'http:'));
const isGrpc = (positionals[0] ?? '').startsWith('grpc:');
const headers: Lines = values.header
  .flatMap((each) => each.split(','))
  .map((each) => [each.slice(0, each.indexOf(':')), each.slice(each.indexOf(':') + 1)]);
const host = headers.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? url.host;
const others = headers.filter(([name]) => name.toLowerCase() !== 'host');

async function http(): Promise<readonly string[]> {
  const asked = requestHttp({
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port || 80,
    path: `${url.pathname}${url.search}`,
    method: values.method,
    agent: false,
    headers: ['host', host, ...others.flat()],
    signal: AbortSignal.timeout(timeoutMs),
  }).end();
  const answer = await new Promise<IncomingMessage>((resolve, reject) => asked.on('response', resolve).on('error', reject));
  const lines = Object.entries(answer.headersDistinct).flatMap(([name, all = []]) => all.map((value) => `ResponseHeader=${name}:${value}`));
  return [`StatusCode=${answer.statusCode}`, ...lines, ...bodyLines(await text(answer))];
}

let session: ClientHttp2Session | undefined;

async function grpc(): Promise<readonly string[]> {
  session ??= connectHttp2(url.origin).on('error', () => {});
  const named = Object.fromEntries(others.map(([name, value]) => [name.toLowerCase(), value]));
  const stream = session.request(
    { ':method': 'POST', ':path': echoMethod, ':authority': host, 'content-type': 'application/grpc', te: 'trailers', ...named },
    { signal: AbortSignal.timeout(timeoutMs) },
  );
  let status = 'none';
  stream.on('response', (answer) => (status = String(answer['grpc-status'] ?? status)));
  stream.on('trailers', (trailers) => (status = String(trailers['grpc-status'])));
  stream.end(frame(encodeEcho('request')));
  const message = unframeBytes(await buffer(stream));
  const said = message && decodeEcho(message);
  if (status !== '0' || said === undefined) throw new Error(`rpc error: code = ${status}`);
  return bodyLines(said);
}

const bodyLines = (body: string): readonly string[] =>
  body
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `body] ${line}`);

async function one(id: number): Promise<void> {
  const got = isGrpc ? await grpc() : await http();
  const sent = [`Url=${positionals[0]}`, ...headers.map(([name, value]) => `Header=${name}:${value}`)];
  const lines = [...sent, ...got].map((line) => (line.startsWith('body] ') ? `[${id} ${line}` : `[${id}] ${line}`));
  process.stdout.write(`${lines.join('\n')}\n\n`);
}

const ids = Array.from({ length: Number(values.count) }, (_, id) => id).values();
await Promise.all(
  Array.from({ length: atOnce }, async () => {
    for (const id of ids) {
      await one(id).catch((e: unknown) => {
        process.stderr.write(`[${id}] ${e instanceof Error ? e.message : String(e)}\n`);
        process.exitCode = 1;
      });
    }
  }),
);
session?.close();
