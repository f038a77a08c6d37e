// HAProxy as the peer that an operator would otherwise put between two pods: a pair that carries TCP over mutual TLS, or a plain relay.
// One thread each and no log; everything else is HAProxy's own default. The texts are pure; starting writes files and makes a child.
import { mkdirSync, writeFileSync } from 'node:fs';
import type { Credentials } from '@ambient-mesh/identity/credentials';
import { Child } from '../lab/child.ts';
import type { Pod } from '../lab/pod.ts';
import { listening } from './listening.ts';

export interface Relay {
  readonly name: string;
  readonly listen: number;
  /** `ip:port` */
  readonly to: string;
}

/** Which side of a relay speaks TLS. */
export type Cover = 'none' | 'towards server' | 'towards client';

const preamble = `global
  nbthread 1
  maxconn 2000
  ssl-default-bind-options ssl-min-ver TLSv1.3
  ssl-default-server-options ssl-min-ver TLSv1.3
defaults
  mode tcp
  maxconn 2000
  timeout connect 5s
  timeout client 1h
  timeout server 1h
`;

const tls = 'ssl crt credentials.pem ca-file roots.pem verify required';

export function haproxyText(relays: readonly Relay[], cover: Cover): string {
  const sections = relays.map(
    ({ name, listen, to }) => `listen ${name}
  bind :::${listen} v4v6${cover === 'towards client' ? ` ${tls}` : ''}
  server only ${to}${cover === 'towards server' ? ` ${tls}` : ''}
${cover === 'none' ? '  option splice-auto\n' : ''}`,
  );
  return [preamble, ...sections].join('');
}

export interface HaproxyOrder {
  readonly pod: Pod;
  /** Of its own; made here. */
  readonly folder: string;
  readonly relays: readonly Relay[];
  readonly cover: Cover;
  /** Needed unless the cover is `none`. */
  readonly credentials?: Credentials;
}

export async function startHaproxy({ pod, folder, relays, cover, credentials }: HaproxyOrder): Promise<Child> {
  mkdirSync(folder);
  if (credentials !== undefined) {
    writeFileSync(`${folder}/credentials.pem`, credentials.certChainPem + credentials.keyPem, { mode: 0o600 });
    writeFileSync(`${folder}/roots.pem`, credentials.rootsPem.join(''));
  }
  writeFileSync(`${folder}/haproxy.cfg`, haproxyText(relays, cover));
  const child = new Child({ netns: pod.netns, argv: ['haproxy', '-db', '-f', 'haproxy.cfg'], cwd: folder });
  return listening(
    pod,
    relays.map(({ listen }) => listen),
    child,
  );
}
