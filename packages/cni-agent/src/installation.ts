// The plugin on the node: installed when the agent can answer it, kept in place, and taken away only when the mesh leaves the node.
// Started by app.ts; how files are put in place is install/installer.ts, when they are taken away install/shutdown.ts.
import type { KubeClient } from '@ambient-mesh/kube/client';
import type { Access } from '@ambient-mesh/kube/credentials';
import type { Readiness } from '@ambient-mesh/runtime/readiness';
import { systemClock } from '@ambient-mesh/runtime/time';
import type { Config } from './config.ts';
import { writtenSelectors } from './facts/enablement.ts';
import { Installer } from './install/installer.ts';
import type { Reports } from './reports.ts';
import type { Telemetry } from './telemetry.ts';
