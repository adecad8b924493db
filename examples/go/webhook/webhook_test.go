package webhook

import (
	"encoding/json"
	"os"
	"testing"
	"time"
)

func TestVectors(t *testing.T) {
	for _, name := range []string{"signatures.json", "ed25519.json"} {
		text, err := os.ReadFile("../../../tests/vectors/" + name)
		if err != nil {
			t.Fatal(err)
		}
		check(t, text)
	}
}

func check(t *testing.T, text []byte) {
	var vectors struct {
		Verify []struct {
			Name, Dialect, Secret, Body string
			PublicKey                   string `json:"public_key"`
			Valid                       bool
			Now                         int64
			Tolerance                   int64 `json:"tolerance_s"`
			Headers                     map[string]string
		}
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors.Verify) == 0 {
		t.Fatal("no vectors", err)
	}
	for _, v := range vectors.Verify {
		now, tolerance := time.Unix(v.Now, 0), time.Duration(v.Tolerance)*time.Second
		id, timestamp, signatures := v.Headers["webhook-id"], v.Headers["webhook-timestamp"], v.Headers["webhook-signature"]
		var got bool
		switch v.Dialect {
		case "vendor":
			got = VerifyVendor(v.Secret, v.Headers["X-Skylight-Signature"], []byte(v.Body), now, tolerance)
		case "standard":
			got = VerifyStandard(v.Secret, id, timestamp, signatures, []byte(v.Body), now, tolerance)
		case "ed25519":
			got = VerifyEd25519(v.PublicKey, id, timestamp, signatures, []byte(v.Body), now, tolerance)
		default:
			t.Fatalf("%s: no such dialect", v.Dialect)
		}
		if got != v.Valid {
			t.Errorf("%s, %s: got %v", v.Dialect, v.Name, got)
		}
	}
}
