package history

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	engine "github.com/escher-dbai/cloudops-engine"
)

// keys encrypt what is secret, and hide what a digest is of.
type keys struct {
	aead   cipher.AEAD
	digest []byte
	macs   sync.Pool // of hash.Hash: to make one takes longer than to use it
}

const keyBytes = 64 // half to encrypt, half for digests

// loadKeys reads the key file of a directory. Made says that there was none that
// is a key, and that a new one was made; may says that it may be.
func loadKeys(dir string, may bool) (k *keys, made bool, err error) {
	path := filepath.Join(dir, keyName)
	secret, err := os.ReadFile(path)
	switch {
	case err == nil && len(secret) == keyBytes:
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, false, err
	case !may:
		return nil, false, fmt.Errorf("%w: %s is not a key", ErrDamaged, path)
	default:
		made = true
		if secret, err = makeKey(dir, path); err != nil {
			return nil, false, err
		}
	}
	block, err := aes.NewCipher(secret[:32])
	if err != nil {
		return nil, false, err
	}
	aead, err := cipher.NewGCM(block)
	return &keys{aead: aead, digest: secret[32:]}, made, err
}

// makeKey makes a key, which is whole on the disk before it has its name.
func makeKey(dir, path string) ([]byte, error) {
	secret := make([]byte, keyBytes)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, keyName+".*") // 0600
	if err != nil {
		return nil, err
	}
	_, err = f.Write(secret)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(f.Name()))
	}
	return secret, syncDir(dir)
}

// seal encrypts a request for an id; nil stays nil.
func (k *keys) seal(id engine.ID, whole []byte) ([]byte, error) {
	if whole == nil {
		return nil, nil
	}
	nonce := make([]byte, k.aead.NonceSize(), k.aead.NonceSize()+len(whole)+k.aead.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return k.aead.Seal(nonce, nonce, whole, id[:]), nil
}

// open decrypts what seal made. It fails if the key or the id is another.
func (k *keys) open(id engine.ID, sealed []byte) ([]byte, error) {
	n := k.aead.NonceSize()
	if len(sealed) < n {
		return nil, errors.New("sealed request is too short")
	}
	return k.aead.Open(nil, sealed[:n], sealed[n:], id[:])
}

// hide is the digest as it is kept: without the key nobody can tell by it what a
// request was.
func (k *keys) hide(digest [16]byte) []byte {
	mac, ok := k.macs.Get().(hash.Hash)
	if !ok {
		mac = hmac.New(sha256.New, k.digest)
	}
	defer k.macs.Put(mac)
	mac.Reset()
	mac.Write(digest[:])
	return mac.Sum(nil)[:16]
}

// proof tells one key from another.
func (k *keys) proof() []byte {
	return k.hide(sha256To16("cloudops history key"))
}

func sha256To16(text string) (digest [16]byte) {
	sum := sha256.Sum256([]byte(text))
	copy(digest[:], sum[:])
	return digest
}
