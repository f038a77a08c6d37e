{{- define "ztunnel.name" -}}
{{ .Values.resourceName | default .Release.Name | trunc 63 }}
{{- end }}

{{- /* all, cluster or namespace: what of the chart is rendered, so that two people with different rights can install it. */}}
{{- define "ztunnel.scope" -}}
{{ .Values.resourceScope | default .Values.global.resourceScope | default "all" }}
{{- end }}

{{- define "ztunnel.platform" -}}
{{ .Values.platform | default .Values.global.platform }}
{{- end }}

{{- define "ztunnel.image" -}}
{{- if contains "/" .Values.image }}{{ .Values.image }}
{{- else }}{{ .Values.hub | default .Values.global.hub }}/{{ .Values.image }}:{{ .Values.tag | default .Values.global.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{- define "ztunnel.labels" -}}
app: ztunnel
app.kubernetes.io/name: ztunnel
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: ambient-mesh
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Port 15012 of the control plane. */}}
{{- define "ztunnel.istiod" -}}
istiod{{ with .Values.revision }}{{ if ne . "default" }}-{{ . }}{{ end }}{{ end }}.{{ .Values.istioNamespace }}.svc:15012
{{- end }}

{{- /* Istio's way of writing a level for all scopes, default:info, counts too. */}}
{{- define "ztunnel.logLevel" -}}
{{ .Values.logLevel | default (regexReplaceAll "^.*(default|all):" (.Values.global.logging.level | default "") "" | splitList "," | first) | default "info" }}
{{- end }}
