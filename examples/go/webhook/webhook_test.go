package webhook

import (
	"encoding/json"
	"os"
	"testing"
	"time"
)

func TestVectors(t *testing.T) {
	path := os.Getenv("VECTORS")
	if path == "" {
		path = "../../../tests/vectors/signatures.json"
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Verify []struct {
			Name, Dialect, Secret, Body string
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
		var got bool
		if v.Dialect == "vendor" {
			got = VerifyVendor(v.Secret, v.Headers["X-Skylight-Signature"], []byte(v.Body), now, tolerance)
		} else {
			got = VerifyStandard(v.Secret, v.Headers["webhook-id"], v.Headers["webhook-timestamp"],
				v.Headers["webhook-signature"], []byte(v.Body), now, tolerance)
		}
		if got != v.Valid {
			t.Errorf("%s, %s: got %v", v.Dialect, v.Name, got)
		}
	}
}
