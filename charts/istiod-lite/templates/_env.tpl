{{- /* The environment of the control plane, called with `root` and with `v`, the values; what the user adds wins. */}}
{{- define "istiod.env" -}}
{{- $v := .v -}}
- { name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
- { name: POD_NAMESPACE, valueFrom: { fieldRef: { fieldPath: metadata.namespace } } }
{{- $plain := dict
  "CLUSTER_ID" ($v.global.multiCluster.clusterName | default "Kubernetes")
  "LOG_LEVEL" (include "istiod.logLevel" .root)
  "MAX_CONNECTION_AGE" $v.keepaliveMaxServerConnectionAge
  "MESH_CONFIG" "/etc/istio/config/mesh"
  "ROOT_CA_DIR" "/etc/cacerts"
  "WAYPOINT_IMAGE" (printf "%s/waypoint:%s" ($v.hub | default $v.global.hub) (include "istiod.tag" .root))
  "WAYPOINT_RESOURCES" ($v.global.waypoint.resources | toJson)
}}
{{- with $v.revision }}
{{- $_ := set $plain "REVISION" . }}
{{- $_ := set $plain "ISTIOD_CUSTOM_HOST" (printf "istiod-%s.%s.svc" . $.root.Release.Namespace) }}
{{- end }}
{{- with $v.revisionTags }}{{ $_ := set $plain "REVISION_TAGS" (join "," .) }}{{ end }}
{{- if or $v.trustedZtunnelNamespace $v.trustedZtunnelName }}
{{- $_ := set $plain "CA_TRUSTED_NODE_ACCOUNTS" (printf "%s/%s" ($v.trustedZtunnelNamespace | default .root.Release.Namespace) ($v.trustedZtunnelName | default "ztunnel")) }}
{{- end }}
{{- range $name, $value := mergeOverwrite $plain $v.env }}
- { name: {{ $name }}, value: {{ $value | toString | quote }} }
{{- end }}
{{- with $v.envVarFrom }}
{{ toYaml . }}
{{- end }}
{{- end }}
