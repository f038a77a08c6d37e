// Schemas of what makes pods, and of what scales and protects them: apps, batch, autoscaling, policy.
// Used by builtin.ts.
import { conditions, labelSelector, objectMeta } from './builtin-meta.ts';
import { podTemplate } from './builtin-pod.ts';
import { anything, boolean, defaulted, int32, int64, intOrString, list, object, oneOf, open, string, time, whole } from './notation.ts';
import type { OpenApiSchema } from './open-api.ts';

const replicas = { ...int32, minimum: 0 };
const counts = open({ observedGeneration: int64, replicas: int32, readyReplicas: int32, availableReplicas: int32, conditions });
const rollingUpdate = object({ maxUnavailable: intOrString, maxSurge: intOrString, partition: int32 });
const selected = { selector: labelSelector, template: podTemplate };

const deploymentSpec = object(
  {
    ...selected,
    replicas: defaulted(replicas, 1),
    strategy: {
      ...object({ type: defaulted(oneOf('Recreate', 'RollingUpdate'), 'RollingUpdate'), rollingUpdate }),
      default: {},
      'x-kubernetes-patch-strategy': 'retainKeys',
    },
    minReadySeconds: int32,
    revisionHistoryLimit: defaulted(int32, 10),
    paused: boolean,
    progressDeadlineSeconds: defaulted(int32, 600),
  },
  'selector',
);

const daemonSetSpec = object(
  {
    ...selected,
    updateStrategy: defaulted(object({ type: defaulted(oneOf('OnDelete', 'RollingUpdate'), 'RollingUpdate'), rollingUpdate }), {}),
    minReadySeconds: int32,
    revisionHistoryLimit: defaulted(int32, 10),
  },
  'selector',
);

const statefulSetSpec = object(
  {
    ...selected,
    replicas: defaulted(replicas, 1),
    serviceName: string,
    volumeClaimTemplates: list(anything),
    podManagementPolicy: defaulted(oneOf('OrderedReady', 'Parallel'), 'OrderedReady'),
    updateStrategy: defaulted(object({ type: defaulted(oneOf('OnDelete', 'RollingUpdate'), 'RollingUpdate'), rollingUpdate }), {}),
    revisionHistoryLimit: defaulted(int32, 10),
    minReadySeconds: int32,
    persistentVolumeClaimRetentionPolicy: defaulted(anything, { whenDeleted: 'Retain', whenScaled: 'Retain' }),
    ordinals: anything,
  },
  'selector',
);

const jobFields = {
  parallelism: int32,
  completions: int32,
  activeDeadlineSeconds: int64,
  podFailurePolicy: anything,
  successPolicy: anything,
  backoffLimit: int32,
  backoffLimitPerIndex: int32,
  maxFailedIndexes: int32,
  selector: labelSelector,
  manualSelector: boolean,
  template: podTemplate,
  ttlSecondsAfterFinished: int32,
  completionMode: string,
  suspend: boolean,
  podReplacementPolicy: string,
  managedBy: string,
};

const jobSpec = object({
  ...jobFields,
  backoffLimit: defaulted(int32, 6),
  manualSelector: defaulted(boolean, false),
  completionMode: defaulted(string, 'NonIndexed'),
  suspend: defaulted(boolean, false),
  podReplacementPolicy: defaulted(string, 'TerminatingOrFailed'),
});

const cronJobSpec = object(
  {
    schedule: string,
    timeZone: string,
    startingDeadlineSeconds: int64,
    concurrencyPolicy: defaulted(oneOf('Allow', 'Forbid', 'Replace'), 'Allow'),
    suspend: defaulted(boolean, false),
    jobTemplate: object({ metadata: objectMeta, spec: object(jobFields) }),
    successfulJobsHistoryLimit: defaulted(int32, 3),
    failedJobsHistoryLimit: defaulted(int32, 1),
  },
  'schedule',
  'jobTemplate',
);

const scaleTarget = whole(object({ apiVersion: string, kind: string, name: string }, 'kind', 'name'));

const scaleKind: Readonly<Record<string, OpenApiSchema>> = {
  spec: object({ replicas }),
  status: open({ replicas: int32, selector: string }),
};

/** Fields beside apiVersion, kind and metadata, by group and kind. */
export const workloadKinds: Readonly<Record<string, Readonly<Record<string, OpenApiSchema>>>> = {
  'apps/Deployment': { spec: deploymentSpec, status: counts },
  'apps/ReplicaSet': {
    spec: object({ ...selected, replicas: defaulted(replicas, 1), minReadySeconds: int32 }, 'selector'),
    status: counts,
  },
  'apps/DaemonSet': { spec: daemonSetSpec, status: counts },
  'apps/StatefulSet': { spec: statefulSetSpec, status: counts },
  'batch/Job': {
    spec: jobSpec,
    status: open({ conditions, startTime: time, completionTime: time, active: int32, succeeded: int32, failed: int32, ready: int32 }),
  },
  'batch/CronJob': { spec: cronJobSpec, status: open({ active: list(anything), lastScheduleTime: time, lastSuccessfulTime: time }) },
  'autoscaling/HorizontalPodAutoscaler': {
    spec: object(
      {
        scaleTargetRef: scaleTarget,
        minReplicas: defaulted(int32, 1),
        maxReplicas: { ...int32, minimum: 1 },
        metrics: list(anything),
        behavior: anything,
      },
      'scaleTargetRef',
      'maxReplicas',
    ),
    status: open({ observedGeneration: int64, currentReplicas: int32, desiredReplicas: int32, conditions }),
  },
  'autoscaling/Scale': scaleKind,
  'policy/PodDisruptionBudget': {
    spec: object({
      minAvailable: intOrString,
      maxUnavailable: intOrString,
      selector: { ...labelSelector, 'x-kubernetes-patch-strategy': 'replace' },
      unhealthyPodEvictionPolicy: oneOf('AlwaysAllow', 'IfHealthyBudget'),
    }),
    status: open({ conditions, disruptedPods: { type: 'object', additionalProperties: time } }),
  },
  'apps/ControllerRevision': { data: anything, revision: int64 },
};
