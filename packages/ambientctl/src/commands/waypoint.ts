// `ambientctl waypoint`: deploys, shows and removes waypoints (facts: control-plane §5.5). Each verb is a file of its own in waypoint/.
import type { Command } from 'commander';
import type { Shell } from '../shell.ts';
import { addApply } from './waypoint/apply.ts';
import { addConfig } from './waypoint/config.ts';
import { addDelete } from './waypoint/delete.ts';
import { addGenerate } from './waypoint/generate.ts';
import { addList } from './waypoint/list.ts';
import { addStatus } from './waypoint/status.ts';

export function addWaypoint(program: Command, shell: Shell): void {
  const waypoint = program.command('waypoint').description('deploys, shows and removes waypoints');
  for (const add of [addApply, addGenerate, addDelete, addList, addStatus, addConfig]) add(waypoint, shell);
}
