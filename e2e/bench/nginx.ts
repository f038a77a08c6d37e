// The HTTP server that all peers are measured against: nginx in one process (a worker would outlive its killed master) with one small fixed answer.
// Keeps connections for as long as the client wants and logs nothing.
import { mkdirSync, writeFileSync } from 'node:fs';
import { Child } from '../lab/child.ts';
import type { Pod } from '../lab/pod.ts';
import { listening } from './listening.ts';

export const httpPort = 8080;

const config = `master_process off;
daemon off;
user root;
pid nginx.pid;
events { worker_connections 8000; }
http {
  access_log off;
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {
    listen [::]:${httpPort} ipv6only=off backlog=4096;
    location / { return 200 "${'0123456789'.repeat(10)}"; }
  }
}
`;

/** @param folder of its own; made here */
export async function startNginx(pod: Pod, folder: string): Promise<Child> {
  mkdirSync(folder);
  writeFileSync(`${folder}/nginx.conf`, config);
  return listening(pod, [httpPort], new Child({ netns: pod.netns, argv: ['nginx', '-e', 'stderr', '-p', folder, '-c', 'nginx.conf'] }));
}
