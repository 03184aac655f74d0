package daemon

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// Token is what lets somebody in over the network, without its secret: that is shown once,
// when it is made, and only its hash is kept.
type Token struct {
	// ID names it, in lists and logs.
	ID string `json:"id"`
	// Name says whose it is. It may be empty.
	Name string `json:"name,omitempty"`
	Role Role   `json:"role"`
	// Created and Expires are when it was made, and from when on it lets nobody in.
	Created time.Time `json:"created_at"`
	Expires time.Time `json:"expires_at"`
}

// storedToken is a file in the folder of tokens.
type storedToken struct {
	Version int `json:"version"`
	Token
	// Hash is the SHA-256 of the whole token. It has 256 bits from the system's source of
	// randomness, so that no slow hash is needed to keep it from being guessed.
	Hash string `json:"sha256"`
}

// Tokens are the tokens of a state directory: a file each, so that one is there or not,
// and what is revoked is so at the next request. The methods are safe for concurrent
// use, by several programs too.
type Tokens struct {
	// Dir is their folder: tokens in the state directory.
	Dir string
}

const (
	tokenVersion = 1
	tokenPrefix  = "cloudops_"
	tokenIDBytes = 6
	tokenBytes   = 32
	tokenName    = 64 // bytes, at most
)

// errToken: somebody is not let in, or not any more. It does not say why to them who try.
var errToken = errors.New("the token is not valid")

// TokensIn are the tokens of a state directory.
func TokensIn(stateDir string) Tokens { return Tokens{Dir: filepath.Join(stateDir, "tokens")} }

// Create makes a token, and returns it: nobody can tell it later.
func (t Tokens) Create(name string, role Role, now, expires time.Time) (secret string, token Token, err error) {
	switch {
	case len(name) > tokenName || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", token, fmt.Errorf("the name of a token is a line of at most %d bytes", tokenName)
	case !expires.After(now):
		return "", token, errors.New("a token that has expired lets nobody in")
	}
	id, key := make([]byte, tokenIDBytes), make([]byte, tokenBytes)
	_, _ = rand.Read(id) // it never fails
	_, _ = rand.Read(key)
	token = Token{ID: hex.EncodeToString(id), Name: name, Role: role, Created: now.UTC(), Expires: expires.UTC()}
	secret = tokenPrefix + token.ID + "_" + base64.RawURLEncoding.EncodeToString(key)
	data, err := json.Marshal(storedToken{Version: tokenVersion, Token: token, Hash: hashOf(secret)})
	if err != nil {
		return "", token, err
	}
	return secret, token, t.keep(token.ID, append(data, '\n'))
}

// keep writes a file whole or not at all.
func (t Tokens) keep(id string, data []byte) error {
	if err := os.MkdirAll(t.Dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(t.Dir, ".new-*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), t.path(id))
	}
	if err != nil {
		err = errors.Join(fmt.Errorf("keep the token: %w", err), os.Remove(f.Name()))
	}
	return err
}

// List returns the tokens, those that have expired too, the oldest first.
func (t Tokens) List() ([]Token, error) {
	entries, err := os.ReadDir(t.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []Token
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok {
			continue
		}
		stored, readErr := t.read(id)
		if errors.Is(readErr, fs.ErrNotExist) {
			continue // revoked meanwhile
		}
		if readErr != nil {
			err = errors.Join(err, engine.Advise(readErr, "cloudops token revoke %s removes it", id))
			continue
		}
		all = append(all, stored.Token)
	}
	slices.SortFunc(all, func(a, b Token) int { return a.Created.Compare(b.Created) })
	return all, err
}

// Revoke has a token let nobody in any more.
func (t Tokens) Revoke(id string) error {
	if !isTokenID(id) {
		return engine.Advise(fmt.Errorf("%.40q is no id of a token", id), "cloudops token list shows them")
	}
	err := os.Remove(t.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return engine.Advise(fmt.Errorf("there is no token %s", id), "cloudops token list shows them")
	}
	return err
}

// verify returns the token of a secret. It reads the file each time: a revoked token is
// gone, and a look at one file is nothing beside a request over the network.
func (t Tokens) verify(secret string, now time.Time) (Token, error) {
	rest, ok := strings.CutPrefix(secret, tokenPrefix)
	id, _, _ := strings.Cut(rest, "_")
	if !ok || !isTokenID(id) || len(secret) != len(tokenPrefix)+2*tokenIDBytes+1+base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return Token{}, errToken
	}
	stored, err := t.read(id)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Token{}, errToken
	case err != nil:
		return Token{}, err
	case subtle.ConstantTimeCompare([]byte(hashOf(secret)), []byte(stored.Hash)) != 1 || !now.Before(stored.Expires):
		return Token{}, errToken
	}
	return stored.Token, nil
}

func (t Tokens) read(id string) (storedToken, error) {
	var stored storedToken
	data, err := os.ReadFile(t.path(id)) //nolint:gosec // an id that isTokenID knows, or the name of a file that is there
	if err != nil {
		return stored, err
	}
	if err := json.Unmarshal(data, &stored); err != nil || stored.Version != tokenVersion || stored.ID != id {
		return stored, fmt.Errorf("the token in %s cannot be read", t.path(id))
	}
	_, err = ParseRole(string(stored.Role))
	return stored, err
}

func (t Tokens) path(id string) string { return filepath.Join(t.Dir, id+".json") }

// isTokenID keeps paths out of what strangers send.
func isTokenID(id string) bool {
	decoded, err := hex.DecodeString(id)
	return err == nil && len(decoded) == tokenIDBytes && id == strings.ToLower(id)
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
