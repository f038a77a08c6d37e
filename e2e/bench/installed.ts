// Which of the programs that the bench borrows are installed, and the Debian package of each.
import { accessSync, constants } from 'node:fs';
import { delimiter } from 'node:path';

export const packages = {
  iperf3: 'iperf3',
  wrk: 'wrk',
  nginx: 'nginx-light',
  haproxy: 'haproxy',
  nghttpx: 'nghttp2-proxy',
  h2load: 'nghttp2-client',
} as const;
export type Program = keyof typeof packages;

/** Looks in PATH and where Debian keeps daemons. */
export function isInstalled(program: Program): boolean {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(`${folder}/${program}`, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Throws naming those that are missing. */
export function need(...programs: readonly Program[]): void {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0) return;
  throw new Error(`not installed: ${missing.map((program) => `${program} (Debian package ${packages[program]})`).join(', ')}`);
}
