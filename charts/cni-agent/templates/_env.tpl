{{- /* The agent's environment, from the values of cni.values: where it is, what it is told, and what the user adds, which wins. */}}
{{- define "cni.env" -}}
- { name: NODE_NAME, valueFrom: { fieldRef: { fieldPath: spec.nodeName } } }
- { name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
- { name: POD_NAMESPACE, valueFrom: { fieldRef: { fieldPath: metadata.namespace } } }
- { name: SYSTEM_NAMESPACE, valueFrom: { fieldRef: { fieldPath: metadata.namespace } } }
{{- $plain := dict
  "EXCLUDE_NAMESPACES" (join "," .excludeNamespaces)
  "AMBIENT_DNS_CAPTURE" .ambient.dnsCapture
  "AMBIENT_IPV6" .ambient.ipv6
  "AMBIENT_RECONCILE_POD_RULES_ON_STARTUP" .ambient.reconcileIptablesOnStartup
  "AMBIENT_STRICT_ENROLMENT" .ambient.strictEnrolment
  "ENABLE_AMBIENT_DETECTION_RETRY" .ambient.enableAmbientDetectionRetry
  "ALLOW_SWITCH_TO_HOST_NS" (not .ambient.shareHostNetworkNamespace)
  "CHAINED_CNI_PLUGIN" .chained
  "CNI_CONF_NAME" .cniConfFileName
  "ISTIO_OWNED_CNI_CONFIG" .istioOwnedCNIConfig
  "LOG_LEVEL" (include "cni.logLevel" .)
}}
{{- with .istioOwnedCNIConfigFileName }}{{ $_ := set $plain "ISTIO_OWNED_CNI_CONF_FILENAME" . }}{{ end }}
{{- with .ambient.enablementSelectors }}{{ $_ := set $plain "AMBIENT_ENABLEMENT_SELECTOR" (toYaml .) }}{{ end }}
{{- range $name, $value := mergeOverwrite $plain .env }}
- { name: {{ $name }}, value: {{ $value | toString | quote }} }
{{- end }}
{{- end }}
