// The plugin's log: a few lines per run, sent to the agent when the runtime has its answer; to a file when there is no agent.
// Best effort: it never fails a pod, and delays the plugin's end by at most 200 ms.
import { appendFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { logSocket, type PluginLine, writeLine } from './event.ts';
import { type LogLevel, logLevels } from './settings.ts';
import { post } from './unix-http.ts';

const longestDelayMs = 200;
const largestFileBytes = 10 * 1024 * 1024;

export class LogLines {
  #lines: string[] = [];

  /** `level`: the least important that is kept. */
  add(line: PluginLine, level: LogLevel): void {
    if (logLevels.indexOf(line.level) > logLevels.indexOf(level)) return;
    this.#lines.push(writeLine({ ...line, fields: { time: new Date().toISOString(), scope: 'cni-plugin', ...line.fields } }));
  }

  /** Never rejects. */
  async send(runDir: string): Promise<void> {
    const lines = this.#lines.splice(0);
    if (lines.length === 0) return;
    const reply = await post(join(runDir, logSocket), '/log', JSON.stringify(lines), AbortSignal.timeout(longestDelayMs));
    if (reply.kind !== 'answer') append(join(runDir, 'istio-cni.log'), lines);
  }
}

function append(path: string, lines: readonly string[]): void {
  try {
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > largestFileBytes) renameSync(path, `${path}.1`);
    appendFileSync(path, lines.map((line) => `${line}\n`).join(''), { mode: 0o640 });
  } catch {
    // No folder, no room: then nobody hears of it.
  }
}
