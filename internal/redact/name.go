package redact

import "strings"

// SecretName reports whether the name of an environment variable says that its
// value is secret. Case does not matter. A name is secret when it
//
//   - holds SECRET, PASSWORD, PASSWD, PASSPHRASE, PRIVATE_KEY, ACCESS_KEY or API_KEY,
//     the keys also without their underscore,
//   - is, or has as its last words, TOKEN, AUTHTOKEN, PASS, PWD, PAT, SAS, ACCOUNT_KEY,
//     ENCRYPTION_KEY, SIGNING_KEY, MASTER_KEY, AUTH_CONFIG or CONNECTION_STRING,
//   - or is SSHPASS or GOOGLE_CREDENTIALS,
//
// unless its last word says that the value is something about the secret: KEY_ID,
// FILE, PATH, DIR, NAME, ARN, URL or TTL. PWD itself is a folder.
func SecretName(name string) bool {
	name = strings.ToUpper(name)
	if name == "PWD" || endsInWord(name, "KEY_ID", "FILE", "PATH", "DIR", "NAME", "ARN", "URL", "TTL") {
		return false
	}
	for _, part := range []string{
		"SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "PRIVATE_KEY", "PRIVATEKEY",
		"ACCESS_KEY", "ACCESSKEY", "API_KEY", "APIKEY",
	} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return name == "SSHPASS" || name == "GOOGLE_CREDENTIALS" || endsInWord(name,
		"TOKEN", "AUTHTOKEN", "PASS", "PWD", "PAT", "SAS", "ACCOUNT_KEY",
		"ENCRYPTION_KEY", "SIGNING_KEY", "MASTER_KEY", "AUTH_CONFIG", "CONNECTION_STRING")
}

// endsInWord reports whether one of the words is the name or stands at its end,
// behind an underscore.
func endsInWord(name string, words ...string) bool {
	for _, word := range words {
		before, found := strings.CutSuffix(name, word)
		if found && (before == "" || strings.HasSuffix(before, "_")) {
			return true
		}
	}
	return false
}
