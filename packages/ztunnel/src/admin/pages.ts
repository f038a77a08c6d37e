// The admin pages (port 15000, loopback only): what this process knows and does, for people and for `istioctl` and `ambientctl`.
// A table of routes over ports that app.ts fills in; runtime/http serves it.
import type { Reply, Request, Route } from '@ambient-mesh/runtime/http';
import { configDump, type DumpPorts } from './config-dump.ts';
import { type LogControl, loggingRoute } from './logging.ts';
import { type CpuProfiler, readProfileRequest } from './profile.ts';

export interface AdminPorts {
  readonly dump: DumpPorts;
  readonly log: LogControl;
  /** Starts the graceful shutdown and returns at once. */
  readonly shutDown: () => void;
  readonly profile: CpuProfiler;
}

interface Page extends Route {
  /** For the list on the first page; absent leaves it out. */
  readonly about?: string;
}

export function adminRoutes(ports: AdminPorts): readonly Route[] {
  const pages: readonly Page[] = [
    {
      path: '/config_dump',
      about: 'what this ztunnel knows: workloads, services, policies, certificates, configuration',
      compress: true,
      handler: async () => ({ type: 'application/json', body: await configDump(ports.dump) }),
    },
    { ...loggingRoute(ports.log), about: 'shows and changes log levels (POST)' },
    {
      path: '/quitquitquit',
      about: 'shuts down gracefully (POST)',
      methods: ['POST'],
      otherwise: 'Invalid HTTP method, use POST\n',
      handler: () => {
        ports.shutDown();
        return { body: 'shutdown now\n' };
      },
    },
    {
      path: '/debug/pprof/profile',
      about: 'CPU profile of the main thread, for `go tool pprof` (seconds=10, frequency=100)',
      handler: (request) => profile(ports.profile, request),
    },
    { path: '/debug/pprof/heap', handler: () => noHeapProfile },
    { path: '/debug/pprof/heap/profiling', handler: () => noHeapProfile },
  ];
  return [{ path: '/', handler: () => ({ type: 'text/html; charset=utf-8', body: firstPage(pages) }) }, ...pages];
}

/** The route exists because tools ask for it; Node has no heap profile of the kind they read. */
const noHeapProfile: Reply = { status: 500, body: 'heap profiling is not available in this build\n' };

async function profile(profiler: CpuProfiler, { query, signal }: Request): Promise<Reply> {
  const wanted = readProfileRequest(query);
  if ('mistake' in wanted) return { status: 400, body: `${wanted.mistake}\n` };
  return { type: 'application/octet-stream', body: await profiler(wanted, signal) };
}

function firstPage(pages: readonly Page[]): string {
  const items = pages
    .filter((p) => p.about !== undefined)
    .map(({ path, about }) => `<li><a href="${path.slice(1)}">${path.slice(1)}</a>: ${about}</li>`);
  return `<!DOCTYPE html>\n<html><head><title>ztunnel admin</title></head><body>\n<h1>ztunnel admin</h1>\n<ul>\n${items.join('\n')}\n</ul>\n</body></html>\n`;
}
