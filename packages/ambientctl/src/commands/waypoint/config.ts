// `waypoint config`: what a waypoint has been told and how its destinations do, from its admin page or from a saved one.
// Each view is a file of its own in config/; here they become commands.
import type { Command } from 'commander';
import { addViews } from '../../dump-views.ts';
import type { Shell } from '../../shell.ts';
import { certificates } from './config/certificates.ts';
import { clusters } from './config/clusters.ts';
import { endpoints } from './config/endpoints.ts';
import { policies } from './config/policies.ts';
import { routes } from './config/routes.ts';
import { addSource, readDump } from './config/source.ts';

const views = [routes, clusters, endpoints, policies, certificates];

export function addConfig(parent: Command, shell: Shell): void {
  const config = parent.command('config').alias('pc').description('shows what a waypoint has been told, and how its destinations do');
  addViews(config, shell, views, { offer: addSource, read: readDump });
}
