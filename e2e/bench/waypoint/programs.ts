// The programs of the waypoint's benches as they are configured: the server, and the proxies that do what the waypoint does in its place. Pure texts.
// One process or thread each and no log; everything else is their own default, but that nginx must be told to keep connections to the server.

export const ports = { http: 8080, h2: 8081, bodies: 8082 } as const;

/** Proxies that are installed or not, in the waypoint's place: the client calls them as a Service, through the mesh at both sides. */
export const hops = ['haproxy', 'nginx', 'nghttpx'] as const;
export type Hop = (typeof hops)[number];

const nginx = (servers: string): string => `master_process off;
daemon off;
user root;
# Never a device: nginx unlinks its pid file when it ends, and as root it can.
pid /tmp/bench-nginx.pid;
events { worker_connections 8000; }
http {
  access_log off;
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
${servers}}
`;

/** An empty gRPC message is five octets of zero, which nginx cannot be told to answer with; the proxies do not look at them. */
const server = nginx(`  server {
    listen [::]:${ports.http} ipv6only=off backlog=4096;
    location / { return 200 "${'0123456789'.repeat(10)}"; }
  }
  server {
    listen [::]:${ports.h2} http2 ipv6only=off backlog=4096;
    location / { return 200 "${'0123456789'.repeat(10)}"; }
    location /grpc {
      default_type application/grpc;
      add_trailer grpc-status 0;
      return 200 "00000";
    }
  }
`);

const nginxHop = (to: string): string =>
  nginx(`  upstream server {
    server ${to}:${ports.http};
    keepalive 128;
    keepalive_requests 1000000000;
  }
  server {
    listen [::]:${ports.http} ipv6only=off backlog=4096;
    location / {
      proxy_pass http://server;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
`);

const haproxyHop = (to: string): string => `global
  nbthread 1
  maxconn 2000
defaults
  mode http
  maxconn 2000
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen http
  bind :::${ports.http} v4v6
  server only ${to}:${ports.http}
`;

const nghttpxHop = (to: string): string => `frontend=*,${ports.h2};no-tls
backend=${to},${ports.h2};;proto=h2
workers=1
single-process=yes
errorlog-file=/dev/stderr
accesslog-file=/dev/null
`;

/** By file name. @param to host name that leads to the server past the waypoint */
export const programFiles = (to: string): Readonly<Record<string, string>> => ({
  'nginx-server.conf': server,
  'nginx-hop.conf': nginxHop(to),
  'haproxy.cfg': haproxyHop(to),
  'nghttpx.conf': nghttpxHop(to),
});
