{{- /* The values as YAML: what stands below `cni:` counts as if it stood at the top; what is "" gets the platform's. */}}
{{- define "cni.values" -}}
{{- $v := mustMergeOverwrite (deepCopy .Values) (.Values.cni | default dict) }}
{{- $k3sConf := "/var/lib/rancher/k3s/agent/etc/cni/net.d" }}
{{- $microk8s := "/var/snap/microk8s/current" }}
{{- $platforms := dict
  "gke" (dict "cniBinDir" "/home/kubernetes/bin" "quota" true)
  "k3d" (dict "cniBinDir" "/bin" "cniConfDir" $k3sConf)
  "k3s" (dict "cniBinDir" "/var/lib/rancher/k3s/data/cni" "cniConfDir" $k3sConf)
  "microk8s" (dict "cniBinDir" (print $microk8s "/opt/cni/bin") "cniConfDir" (print $microk8s "/args/cni-network"))
  "minikube" (dict "cniNetnsDir" "/var/run/docker/netns")
  "openshift" (dict "cniBinDir" "/var/lib/cni/bin" "cniConfDir" "/etc/cni/multus/net.d" "chained" "false" "cniConfFileName" "istio-cni.conf" "provider" "multus" "seLinuxType" "spc_t")
}}
{{- $platform := $v.platform | default $v.global.platform }}
{{- $its := get $platforms $platform | default dict }}
{{- $usual := dict "cniBinDir" "/opt/cni/bin" "cniConfDir" "/etc/cni/net.d" "cniNetnsDir" "/var/run/netns" "provider" "default" "cniConfFileName" "" }}
{{- range $key, $value := $usual }}
{{- $_ := set $v $key (get $v $key | default (get $its $key) | default $value) }}
{{- end }}
{{- $_ := set $v "platform" $platform }}
{{- $_ := set $v "chained" (ne "false" (toString $v.chained | default $its.chained)) }}
{{- $_ := set $v "quota" (ternary ($its.quota | default false) (eq "true" (toString $v.resourceQuotas.enabled)) (eq "" (toString $v.resourceQuotas.enabled))) }}
{{- if and $its.seLinuxType (not $v.seLinuxOptions) }}
{{- $_ := set $v "seLinuxOptions" (dict "type" $its.seLinuxType) }}
{{- end }}
{{- toYaml $v }}
{{- end }}

{{- /* all, cluster or namespace: what of the chart is rendered, so that two people with different rights can install it. */}}
{{- define "cni.scope" -}}
{{ .Values.resourceScope | default .Values.global.resourceScope | default "all" }}
{{- end }}

{{- define "cni.labels" -}}
k8s-app: istio-cni-node
app.kubernetes.io/name: istio-cni
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: ambient-mesh
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- /* Istio's way of writing a level for all scopes, default:info, counts too. */}}
{{- define "cni.logLevel" -}}
{{- $level := dig "logging" "level" "" . | default (dig "global" "logging" "level" "" .) }}
{{- regexReplaceAll "^.*(default|all):" $level "" | splitList "," | first | default "info" }}
{{- end }}
