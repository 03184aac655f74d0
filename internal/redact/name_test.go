package redact_test

import (
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

func TestSecretName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "aws_secret_access_key", "GITHUB_TOKEN", "TOKEN", "Vault_Token",
		"ARM_CLIENT_SECRET", "CLIENT_SECRETS", "SECRET", "DB_PASSWORD", "PGPASSWORD", "PASSWORD_2", "MYSQL_PWD", "RESTIC_PASSPHRASE",
		"OPENAI_API_KEY", "DD_APIKEY", "SSH_PRIVATE_KEY", "SSHPASS", "SMTP_PASS", "npm_config__authToken", "GITLAB_PAT",
		"AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_ACCOUNT_KEY", "DOCKER_AUTH_CONFIG", "RAILS_MASTER_KEY", "VAULT_SECRET_ID",
		"GOOGLE_CREDENTIALS",
	} {
		if !redact.SecretName(name) {
			t.Errorf("SecretName(%q) = false", name)
		}
	}
	for _, name := range []string{
		"", "PATH", "HOME", "PWD", "OLDPWD", "SSH_AUTH_SOCK", "AWS_PROFILE", "AWS_REGION", "TOKENIZERS_PARALLELISM", "MAX_TOKENS",
		"AWS_ACCESS_KEY_ID", "GOOGLE_APPLICATION_CREDENTIALS", "GIT_ASKPASS", "SSH_ASKPASS", "DB_PASSWORD_FILE", "SECRET_ARN",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "PASSWORD_STORE_DIR", "COMPASS", "KEYBOARD", "XDG_SESSION_ID", "KUBECONFIG", "LS_COLORS",
		"AZURE_CLIENT_ID", "BYPASS", "PATTERN", "TERM",
	} {
		if redact.SecretName(name) {
			t.Errorf("SecretName(%q) = true", name)
		}
	}
}
