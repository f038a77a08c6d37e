// A client of the image `ambient-mesh/echo`: opens a connection of the protocol that is ordered, asks on it, and says what came of it.
// Used by calls.ts and load.ts inside pods. Certificates are not checked: the mesh is what is tested here.
import { lookup } from 'node:dns/promises';
import { Agent, request as requestHttp } from 'node:http';
import { connect as connectHttp2, type OutgoingHttpHeaders } from 'node:http2';
import { request as requestHttps, Agent as SecureAgent } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { createInterface } from 'node:readline';
import type { CallOrder, CallResult, EchoAnswer, EchoProtocol } from './echo-protocol.ts';
import { frame, unframe } from './grpc-frame.ts';

interface Caller {
  /** Text of the server's answer. Rejects when there is none. */
  ask(body: string): Promise<string>;
  /** Ends what is under way, too. */
  close(): void;
}

interface Target {
  readonly host: string;
  readonly port: number;
}

const originOf = ({ host, port }: Target): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

function http1(target: Target, secure: boolean): Caller {
  const agent = secure ? new SecureAgent({ keepAlive: true, maxSockets: 1 }) : new Agent({ keepAlive: true, maxSockets: 1 });
  const send = (body: string): ReturnType<typeof requestHttp> => {
    const options = { ...target, agent, method: 'POST', headers: { 'content-length': Buffer.byteLength(body) } };
    return (secure ? requestHttps({ ...options, rejectUnauthorized: false }) : requestHttp(options)).end(body);
  };
  return {
    ask: (body) =>
      new Promise((resolve, reject) => {
        send(body)
          .on('error', reject)
          .on('response', (answer) => {
            let text = '';
            answer.setEncoding('utf8');
            answer.on('data', (piece: string) => (text += piece));
            answer.on('error', reject);
            answer.on('end', () => (answer.statusCode === 200 ? resolve(text) : reject(new Error(`status ${answer.statusCode}`))));
          });
      }),
    close: () => agent.destroy(),
  };
}

function http2(target: Target, isGrpc: boolean): Caller {
  const session = connectHttp2(`http://${originOf(target)}`);
  let fault: Error | undefined;
  session.on('error', (e: Error) => (fault = e));
  const headers: OutgoingHttpHeaders = isGrpc
    ? { ':path': '/echo.Echo/Say', ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' }
    : { ':path': '/', ':method': 'POST' };
  return {
    ask: (body) =>
      new Promise((resolve, reject) => {
        const stream = session.request(headers);
        const chunks: Buffer[] = [];
        let said = '';
        stream.on('response', (answer) => (said = `status ${answer[':status']}`));
        stream.on('trailers', (trailers) => (said += `, grpc-status ${String(trailers['grpc-status'])}`));
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        // What ended the session says more than that its streams are cancelled.
        stream.on('error', (e) => setImmediate(() => reject(fault ?? e)));
        stream.on('close', () => setImmediate(() => reject(fault ?? new Error('closed without an answer'))));
        stream.on('end', () => {
          const all = Buffer.concat(chunks);
          const text = isGrpc ? unframe(all) : all.toString();
          if (said === (isGrpc ? 'status 200, grpc-status 0' : 'status 200') && text !== undefined) resolve(text);
          else if (said !== '') reject(new Error(said));
        });
        stream.end(isGrpc ? frame(body) : body);
      }),
    close: () => session.destroy(),
  };
}

function tcp(target: Target, speaksFirst: boolean): Caller {
  const socket = connectTcp({ ...target, noDelay: true });
  const texts = createInterface({ input: socket })[Symbol.asyncIterator]();
  let fault: Error | undefined;
  const ended = new Promise<never>((_, reject) => {
    socket.on('error', (e) => (fault = e)).on('close', () => reject(fault ?? new Error('closed without an answer')));
  });
  ended.catch(() => {});
  const next = async (): Promise<string> => {
    const { value, done } = await Promise.race([texts.next(), ended]);
    return done === true ? ended : value;
  };
  const greeting = speaksFirst ? next() : Promise.resolve('');
  greeting.catch(() => {});
  return {
    async ask(body) {
      await greeting;
      socket.write(`${body}\n`);
      return next();
    },
    close: () => socket.destroy(),
  };
}

const open: Readonly<Record<EchoProtocol, (target: Target) => Caller>> = {
  http: (target) => http1(target, false),
  https: (target) => http1(target, true),
  http2: (target) => http2(target, false),
  grpc: (target) => http2(target, true),
  tcp: (target) => tcp(target, false),
  'tcp-server-first': (target) => tcp(target, true),
};

/** Never rejects. */
export async function carryOut(order: CallOrder): Promise<readonly CallResult[]> {
  const { protocol, host, port = 0, count = 1, sameConnection = false, body = 'hello', timeoutMs = 5_000 } = order;
  const results: CallResult[] = [];
  let caller: Caller | undefined;
  while (results.length < count) {
    const result = await within(timeoutMs, async () => {
      if (protocol === 'lookup') return { addresses: (await lookup(host, { all: true })).map(({ address }) => address) };
      caller ??= open[protocol]({ host, port });
      return { answer: JSON.parse(await caller.ask(body)) as EchoAnswer };
    });
    results.push(result);
    if (sameConnection && result.error === undefined) continue;
    caller?.close();
    caller = undefined;
  }
  caller?.close();
  return results;
}

async function within(timeoutMs: number, run: () => Promise<CallResult>): Promise<CallResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<CallResult>((resolve) => {
    timer = setTimeout(() => resolve({ error: `nothing within ${timeoutMs} ms` }), timeoutMs);
  });
  try {
    return await Promise.race([run(), late]);
  } catch (e) {
    return { error: e instanceof Error ? ((e as NodeJS.ErrnoException).code ?? e.message) : String(e) };
  } finally {
    clearTimeout(timer);
  }
}
