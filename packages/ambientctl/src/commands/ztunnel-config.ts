// `ambientctl ztunnel-config`: what a ztunnel knows and does, from its admin page or from a saved one (facts: control-plane §9.1).
// Each view is a file of its own in ztunnel-config/; here they become commands.
import type { Command } from 'commander';
import { addViews } from '../dump-views.ts';
import type { Shell } from '../shell.ts';
import { certificates } from './ztunnel-config/certificate.ts';
import { connections } from './ztunnel-config/connections.ts';
import { addLog } from './ztunnel-config/log.ts';
import { policies } from './ztunnel-config/policy.ts';
import { services } from './ztunnel-config/service.ts';
import { addSource, readDump } from './ztunnel-config/source.ts';
import { workloads } from './ztunnel-config/workload.ts';

const views = [workloads, services, policies, certificates, connections];

export function addZtunnelConfig(program: Command, shell: Shell): void {
  const parent = program.command('ztunnel-config').alias('zc').description('shows what a ztunnel knows and does');
  addViews(parent, shell, views, { offer: addSource, read: readDump });
  addLog(parent, shell);
}
