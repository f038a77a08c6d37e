{{- /* all, cluster or namespace: what of the chart is rendered, so that two people with different rights can install it. */}}
{{- define "base.scope" -}}
{{ .Values.resourceScope | default (.Values.global | default dict).resourceScope | default "all" }}
{{- end }}
