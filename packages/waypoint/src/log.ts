// The log of the process: one JSON object a line on standard output, through pino. Access lines are telemetry/access-log.ts.
// Made by app.ts. Whoever logs leaves tokens, keys and bodies out; pino's own redaction is a second fence.
import { type Logger, pino } from 'pino';

export type { Logger } from 'pino';

export function openLog(level: 'error' | 'warn' | 'info' | 'debug'): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: ['token', 'authorization', 'key', 'keyPem', '*.token', '*.authorization', '*.keyPem'],
    },
    pino.destination({ fd: 1, sync: true }),
  );
}
