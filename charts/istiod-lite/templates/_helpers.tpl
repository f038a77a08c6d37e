{{- /* The values as YAML: what stands below `pilot:` counts as if it stood at the top. */}}
{{- define "istiod.values" -}}
{{- $v := mustMergeOverwrite (deepCopy .Values) (.Values.pilot | default dict) }}
{{- if dig "taint" "enabled" false $v }}{{ fail "taint.enabled: this control plane does not keep taints of nodes" }}{{ end }}
{{- toYaml $v }}
{{- end }}

{{- /* `-canary` for the revision canary; nothing for none. */}}
{{- define "istiod.suffix" -}}
{{- with .Values.revision }}{{ if ne . "default" }}-{{ . }}{{ end }}{{ end }}
{{- end }}

{{- /* all, cluster or namespace: what of the chart is rendered, so that two people with different rights can install it. */}}
{{- define "istiod.scope" -}}
{{ .Values.resourceScope | default .Values.global.resourceScope | default "all" }}
{{- end }}

{{- define "istiod.selector" -}}
app: istiod
istio.io/rev: {{ .Values.revision | default "default" }}
{{- end }}

{{- define "istiod.labels" -}}
{{ include "istiod.selector" . }}
app.kubernetes.io/name: istiod
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: ambient-mesh
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "istiod.tag" -}}
{{ .Values.tag | default .Values.global.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* Istio's way of writing a level for all scopes, default:info, counts too. */}}
{{- define "istiod.logLevel" -}}
{{- regexReplaceAll "^.*(default|all):" (.Values.global.logging.level | default "") "" | splitList "," | first | default "info" }}
{{- end }}
