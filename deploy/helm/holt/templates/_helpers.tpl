{{- define "holt.labels" -}}
app.kubernetes.io/name: holt
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "holt.selector" -}}
app.kubernetes.io/name: holt
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end }}

{{- define "holt.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "holt.pod-security" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "holt.container-security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "holt.probes" -}}
readinessProbe:
  httpGet: { path: /health/ready, port: operators }
  periodSeconds: 5
livenessProbe:
  httpGet: { path: /health/live, port: operators }
  periodSeconds: 10
  failureThreshold: 6
{{- end }}

{{/* How roles speak to each other: a key that all share, certificates, or both. The name of the key differs by role. */}}
{{- define "holt.roles-env" -}}
{{- if .root.Values.secrets.roles }}
- { name: {{ .key }}, value: "file:/etc/holt/roles/internal.key" }
{{- end }}
{{- if .root.Values.secrets.certificates }}
- { name: {{ .prefix }}__TLS__CA_FILE, value: /etc/holt/tls/ca.crt }
- { name: {{ .prefix }}__TLS__CERTIFICATE_FILE, value: /etc/holt/tls/tls.crt }
- { name: {{ .prefix }}__TLS__KEY_FILE, value: /etc/holt/tls/tls.key }
{{- end }}
{{- end }}

{{- define "holt.roles-mounts" -}}
{{- if .Values.secrets.roles }}
- { name: roles, mountPath: /etc/holt/roles, readOnly: true }
{{- end }}
{{- if .Values.secrets.certificates }}
- { name: tls, mountPath: /etc/holt/tls, readOnly: true }
{{- end }}
{{- end }}

{{- define "holt.roles-volumes" -}}
{{- if .root.Values.secrets.roles }}
- { name: roles, secret: { secretName: {{ .root.Values.secrets.roles }} } }
{{- end }}
{{- if .root.Values.secrets.certificates }}
- { name: tls, secret: { secretName: {{ .root.Values.secrets.certificates }}-{{ .role }} } }
{{- end }}
{{- end }}

{{- define "holt.roles-scheme" -}}
{{ if .Values.secrets.certificates }}https{{ else }}http{{ end }}
{{- end }}

{{/* Every supervisor by its own name: workers and lanes ask each of them. */}}
{{- define "holt.supervisors" -}}
{{- $all := list -}}
{{- range $n := until (int .Values.supervisor.replicas) -}}
{{- $all = append $all (printf "%s://%s-supervisor-%d.%s-supervisor:8071" (include "holt.roles-scheme" $) $.Release.Name $n $.Release.Name) -}}
{{- end -}}
{{ $all | toJson }}
{{- end }}

{{/* The same address list under the prefix of a role. */}}
{{- define "holt.store-env" -}}
- { name: {{ .prefix }}__STORE__KIND, value: cassandra }
- { name: {{ .prefix }}__STORE__CASSANDRA__CONTACT_POINTS, value: {{ .root.Values.cassandra.contactPoints | toJson | quote }} }
- { name: {{ .prefix }}__STORE__CASSANDRA__KEYSPACE, value: {{ .root.Values.cassandra.keyspace | quote }} }
- { name: {{ .prefix }}__STORE__CASSANDRA__DATACENTER, value: {{ .root.Values.cassandra.datacenter | quote }} }
{{- if .root.Values.cassandra.user }}
- { name: {{ .prefix }}__STORE__CASSANDRA__USER, value: {{ .root.Values.cassandra.user | quote }} }
- { name: {{ .prefix }}__STORE__CASSANDRA__PASSWORD, value: "file:/etc/holt/stores/password" }
{{- end }}
{{- end }}

{{- define "holt.history-env" -}}
{{- if .root.Values.elasticsearch.nodes }}
- { name: {{ .prefix }}__HISTORY__KIND, value: elasticsearch }
- { name: {{ .prefix }}__HISTORY__ELASTICSEARCH__NODES, value: {{ .root.Values.elasticsearch.nodes | toJson | quote }} }
{{- if .root.Values.elasticsearch.user }}
- { name: {{ .prefix }}__HISTORY__ELASTICSEARCH__USER, value: {{ .root.Values.elasticsearch.user | quote }} }
- { name: {{ .prefix }}__HISTORY__ELASTICSEARCH__PASSWORD, value: "file:/etc/holt/stores/elasticsearch-password" }
{{- end }}
{{- end }}
{{- end }}

{{- define "holt.traces-env" -}}
{{- if .root.Values.traces.endpoint }}
- { name: {{ .prefix }}__TELEMETRY__TRACES__ENDPOINT, value: {{ .root.Values.traces.endpoint | quote }} }
{{- end }}
{{- end }}

{{/* What the chart has no word for: any other key of the role, and secrets with the files that such keys name. */}}
{{- define "holt.settings-env" -}}
{{- range $name, $value := .settings }}
- { name: {{ $name }}, value: {{ $value | quote }} }
{{- end }}
{{- end }}

{{- define "holt.files-mounts" -}}
{{- range .files }}
- { name: files-{{ . }}, mountPath: /etc/holt/files/{{ . }}, readOnly: true }
{{- end }}
{{- end }}

{{- define "holt.files-volumes" -}}
{{- range .files }}
- { name: files-{{ . }}, secret: { secretName: {{ . }} } }
{{- end }}
{{- end }}

{{/* Where supervisors and workers look for kill switches that need neither the api nor the store. The map need not be there: then none stands. */}}
{{- define "holt.glass-mounts" -}}
- { name: glass, mountPath: /etc/holt/glass, readOnly: true }
{{- end }}

{{- define "holt.glass-volumes" -}}
- { name: glass, configMap: { name: {{ .Release.Name }}-break-glass, optional: true } }
{{- end }}
