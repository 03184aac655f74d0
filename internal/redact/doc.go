// Package redact masks secrets in the output of commands while it streams, so
// that they reach no record, screen or log.
//
// A [Set] is what is to be masked: values that are known, and on request the
// looks of well-known credentials. A [Stream] masks one stream of output with it,
// [Set.String] a text that is at hand. [Secrets] are a set that grows meanwhile.
// Where a secret stood stands [Mask].
//
// Guarantees:
//
//  1. Every value of at least [MinBytes] bytes is masked wherever it stands,
//     overlapped by others or by itself. Matches that overlap are one mask over
//     all of them; matches that only touch are two.
//  2. So are the forms in which programs print it: base64 in both alphabets and
//     at each of the three offsets to its neighbours, URL escapes for query and
//     path, JSON and XML escapes, and single quotes as shells and SQL escape them.
//     A value of several lines is also masked with CRLF, joined by spaces, and
//     each line of at least MinBytes by itself; so are the lines of its base64,
//     if that begins with the value and is wrapped at 64 or 76 columns.
//  3. What comes out depends on the bytes that went in, never on how they were
//     cut into writes.
//  4. Only what may still become part of a secret is held back: the end of the
//     stream that is the beginning of a form, and at most 4 KiB for patterns.
//     More bytes or the end release it; time never does.
//  5. A value that is added to [Secrets] is masked in every byte that is written
//     from then on, in what is held back, and in the rest of a value that began at
//     most 2 KiB before; what was released is out. That, too, depends on the bytes
//     before and behind the addition, not on the writes.
//  6. All other bytes come out as they went in, in order, not copied where they
//     were not held back.
//
// With [Options.Patterns] these are masked as well: access key ids of AWS and the
// values behind names such as aws_secret_access_key and SessionToken, tokens of
// GitHub, GitLab, Slack, Stripe and npm, API keys and access tokens of Google,
// AccountKey and SharedAccessKey of Azure, JSON web tokens, PEM blocks of private
// keys from BEGIN to END, and the password in scheme://user:password@host.
// What has not proved to be a credential within 4 KiB of its beginning (1 KiB
// for a key block) is let go as it is; what has is masked to its end, however
// far that is. Patterns are chosen to leave ordinary logs alone rather than to
// find everything.
//
// Not promised:
//
//   - A value that is changed otherwise: hashed, compressed, encrypted, in hex,
//     escaped twice, wrapped otherwise, or with terminal controls in it.
//   - Base64 to the bit: next to a mask, one character may stand that holds up to
//     four bits of the secret and the rest of its neighbour.
//   - A key block whose lines have something before them, as timestamps, beyond its
//     first line; a password in a URL with an unescaped / in it.
//   - That no secret can be put together from what is left and a mask, if it holds
//     characters of the mask.
//   - Anything about how long a secret was: a mask has one length.
//
// The automaton is that of A. Aho and M. Corasick, "Efficient string matching",
// CACM 18 (1975). The union of overlapping matches and the trade of never leaking
// over speed follow the replacer of the Buildkite agent, the list of forms the
// value encoders of the GitHub Actions runner.
package redact
