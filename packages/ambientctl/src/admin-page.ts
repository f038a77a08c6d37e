// A question to the admin page of a proxy in a pod: one HTTP request over a connection that the API server forwards.
// Used by commands that look into proxies. Answers are bounded in size, questions in time.
import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import type { Key } from '@ambient-mesh/kube/kind';
import { InvalidArgumentError, Option } from 'commander';
import { failure } from './failure.ts';

export interface Question {
  readonly port: number;
  readonly method: 'GET' | 'POST';
  readonly path: string;
}

const mostBytes = 128 * 1024 * 1024;
const timeoutMs = 60_000;

export const adminPortOption = (): Option =>
  new Option('--proxy-admin-port <port>', 'port of the admin page').default(15_000).argParser((text) => {
    const port = Number(text);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new InvalidArgumentError('It is no port.');
    return port;
  });

/** The answer's body. @throws MeshError `command.failed` when there is no such pod, or it answers with anything but 200 */
export async function askAdmin(client: KubeClient, pod: Key, question: Question, signal: AbortSignal): Promise<string> {
  const name = `${pod.namespace}/${pod.name}`;
  const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const connection = await client.portForward(pod, question.port, { signal: limited }).catch((e: unknown) => {
    if (statusOf(e) === 404) throw failure(`there is no pod ${pod.name} in namespace ${pod.namespace}`);
    throw e;
  });
  try {
    const { status, body } = await ask(connection, question, limited);
    if (status !== 200) throw failure(`the admin page of ${name} answers ${question.path} with ${status}: ${body.trim().slice(0, 500)}`);
    return body;
  } catch (e) {
    signal.throwIfAborted();
    throw failure(`the admin page of ${name} on port ${question.port} cannot be read`, e);
  } finally {
    connection.destroy();
  }
}

interface Reply {
  readonly status: number;
  readonly body: string;
}

function ask(connection: Duplex, { method, path }: Question, signal: AbortSignal): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const asked = request({ method, path, host: 'localhost', createConnection: () => connection, signal });
    asked.on('error', reject);
    asked.on('response', (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > mostBytes) response.destroy(new Error(`the answer is longer than ${mostBytes} bytes`));
        else chunks.push(chunk);
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }));
    });
    asked.end();
  });
}
