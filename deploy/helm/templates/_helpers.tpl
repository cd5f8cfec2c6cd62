{{- define "backchannel.name" -}}
{{- if contains "backchannel" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-backchannel" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "backchannel.selector" -}}
app.kubernetes.io/name: backchannel
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "backchannel.labels" -}}
{{ include "backchannel.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "backchannel.image" -}}
{{- with .Values.image }}{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}{{ end }}
{{- end }}

{{- define "backchannel.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "backchannel.name" .) }}
{{- end }}

{{/* The variable of a setting: BACKCHANNEL_KAFKA_BROKERS of kafka-brokers. */}}
{{- define "backchannel.variable" -}}
BACKCHANNEL_{{ . | upper | replace "-" "_" }}
{{- end }}

{{/* What every container of ours has: settings as variables, secrets as files, nothing to write to, no rights. */}}
{{- define "backchannel.container" -}}
image: {{ include "backchannel.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
env:
  - {name: BACKCHANNEL_HTTP_ADDR, value: "0.0.0.0:8080"}
  {{- range $name, $value := .Values.settings }}
  {{- if ne (toString $value) "" }}
  - {name: {{ include "backchannel.variable" $name }}, value: {{ if kindIs "float64" $value }}{{ int64 $value | quote }}{{ else }}{{ $value | toString | quote }}{{ end }}}
  {{- end }}
  {{- end }}
  {{- range .Values.secret.keys }}
  - {name: {{ include "backchannel.variable" . }}_FILE, value: {{ printf "/run/secrets/backchannel/%s" . | quote }}}
  {{- end }}
  {{- with .Values.tracing }}
  {{- if .endpoint }}
  - {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ .endpoint | quote }}}
  - {name: OTEL_TRACES_SAMPLER, value: parentbased_traceidratio}
  - {name: OTEL_TRACES_SAMPLER_ARG, value: {{ .ratio | quote }}}
  {{- end }}
  {{- end }}
volumeMounts:
  - {name: secrets, mountPath: /run/secrets/backchannel, readOnly: true}
  {{- if .Values.tlsSecret }}
  - {name: tls, mountPath: /run/tls, readOnly: true}
  {{- end }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* What every pod of ours has. */}}
{{- define "backchannel.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: secrets
    secret:
      secretName: {{ .Values.secret.existingSecret }}
      defaultMode: 0440
      items:
        {{- range .Values.secret.keys }}
        - {key: {{ . }}, path: {{ . }}}
        {{- end }}
  {{- with .Values.tlsSecret }}
  - name: tls
    secret: {secretName: {{ . }}, defaultMode: 0440}
  {{- end }}
{{- end }}
