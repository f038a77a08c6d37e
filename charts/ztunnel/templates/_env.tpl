{{- /* The ztunnel's environment: where it is, whom it asks, and what the user adds. What is in .Values.env wins by coming last. */}}
{{- define "ztunnel.env" -}}
- { name: NODE_NAME, valueFrom: { fieldRef: { fieldPath: spec.nodeName } } }
- { name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
- { name: POD_NAMESPACE, valueFrom: { fieldRef: { fieldPath: metadata.namespace } } }
- { name: INSTANCE_IP, valueFrom: { fieldRef: { fieldPath: status.podIP } } }
- { name: SERVICE_ACCOUNT, valueFrom: { fieldRef: { fieldPath: spec.serviceAccountName } } }
{{- if (.Values.resources.limits | default dict).cpu }}
- { name: ZTUNNEL_CPU_LIMIT, valueFrom: { resourceFieldRef: { resource: limits.cpu } } }
{{- end }}
{{- $plain := dict
  "XDS_ADDRESS" (.Values.xdsAddress | default (include "ztunnel.istiod" .))
  "CA_ADDRESS" (.Values.caAddress | default .Values.global.caAddress | default (include "ztunnel.istiod" .))
  "RUST_LOG" (include "ztunnel.logLevel" .)
  "TERMINATION_GRACE_PERIOD_SECONDS" .Values.terminationGracePeriodSeconds
  "ISTIO_META_CLUSTER_ID" (.Values.multiCluster.clusterName | default .Values.global.multiCluster.clusterName | default "Kubernetes")
}}
{{- with .Values.network | default .Values.global.network }}{{ $_ := set $plain "NETWORK" . }}{{ end }}
{{- if or .Values.logAsJson .Values.global.logAsJson }}{{ $_ := set $plain "LOG_FORMAT" "json" }}{{ end }}
{{- if .Values.peerCaCrl.enabled }}{{ $_ := set $plain "CRL_PATH" "/var/run/secrets/crl/ca-crl.pem" }}{{ end }}
{{- range $name, $value := mergeOverwrite $plain (dig "defaultConfig" "proxyMetadata" dict .Values.meshConfig) .Values.env }}
- { name: {{ $name }}, value: {{ $value | toString | quote }} }
{{- end }}
{{- end }}
