// Package webhook verifies what Skyhook sends to a webhook, on the standard library alone.
//
// Hand in the body as it was received, never the decoded value encoded again. Prefer
// VerifyStandard: its timestamp is that of the attempt. The vendor dialect's is that of the
// delivery's creation, so its tolerance must be longer than the retry schedule.
package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Tolerances that suit the default retry schedule.
const (
	StandardTolerance = 5 * time.Minute
	VendorTolerance   = 24 * time.Hour
)

// VerifyStandard checks the headers webhook-id, webhook-timestamp and webhook-signature.
func VerifyStandard(secret, id, timestamp, signatures string, rawBody []byte, now time.Time, tolerance time.Duration) bool {
	sent, err := strconv.ParseUint(timestamp, 10, 62)
	if id == "" || err != nil || !isRecent(int64(sent), now, tolerance) {
		return false
	}
	text := strings.TrimPrefix(secret, "whsec_")
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		key = []byte(text)
	}
	expected := "v1," + base64.StdEncoding.EncodeToString(sum(key, []byte(id+"."+timestamp+"."), rawBody))
	matches := false
	for _, one := range strings.Split(signatures, " ") {
		matches = hmac.Equal([]byte(one), []byte(expected)) || matches
	}
	return matches
}

// VerifyEd25519 checks the same headers of a webhook that signs with an Ed25519 key too: publicKey is
// `whpk_` and base64.
func VerifyEd25519(publicKey, id, timestamp, signatures string, rawBody []byte, now time.Time, tolerance time.Duration) bool {
	sent, err := strconv.ParseUint(timestamp, 10, 62)
	if id == "" || err != nil || !isRecent(int64(sent), now, tolerance) {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(publicKey, "whpk_"))
	if err != nil || len(key) != ed25519.PublicKeySize {
		return false
	}
	text := append([]byte(id+"."+timestamp+"."), rawBody...)
	for _, one := range strings.Split(signatures, " ") {
		signature, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(one, "v1a,"))
		if strings.HasPrefix(one, "v1a,") && err == nil && ed25519.Verify(key, text, signature) {
			return true
		}
	}
	return false
}

// VerifyVendor checks X-Skylight-Signature; the timestamp is the body's own.
func VerifyVendor(secret, signature string, rawBody []byte, now time.Time, tolerance time.Duration) bool {
	expected := "sha256=" + hex.EncodeToString(sum([]byte(secret), rawBody))
	if !hmac.Equal([]byte(signature), []byte(expected)) {
		return false
	}
	var body struct {
		Timestamp *int64 `json:"timestamp"`
	}
	err := json.Unmarshal(rawBody, &body)
	return err == nil && body.Timestamp != nil && isRecent(*body.Timestamp, now, tolerance)
}

func sum(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, part := range parts {
		mac.Write(part)
	}
	return mac.Sum(nil)
}

func isRecent(sent int64, now time.Time, tolerance time.Duration) bool {
	age := now.Unix() - sent
	limit := int64(tolerance / time.Second)
	return -limit <= age && age <= limit
}
