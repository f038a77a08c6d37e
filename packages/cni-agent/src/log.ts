// The log: one JSON object a line on standard output, through pino. Parts get a child that names them.
// Made by app.ts. Whoever logs leaves tokens, keys and requests out; pino's own redaction is a second fence.
import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

export function openLog(level: 'error' | 'warn' | 'info' | 'debug', to?: DestinationStream): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: ['token', 'authorization', 'key', 'keyPem', '*.token', '*.authorization', '*.keyPem'],
    },
    // Written at once: the last line before a crash is the one that counts.
    to ?? pino.destination({ fd: 1, sync: true }),
  );
}
