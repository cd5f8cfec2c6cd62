package slacksim

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// issuer signs people in (docs.slack.dev/authentication/sign-in-with-slack). Its key and what it gave out end with the process.
type issuer struct {
	key    func() *rsa.PrivateKey
	tokens map[string]signedIn // user tokens, for openid.connect.userInfo
}

type signedIn struct {
	team   TeamID
	user   UserID
	scopes []string
}

func newIssuer() issuer {
	return issuer{tokens: map[string]signedIn{}, key: sync.OnceValue(func() *rsa.PrivateKey {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err) // crypto/rand does not fail on the systems Go supports
		}
		return key
	})}
}

const keyID = "simulated-slack"

func (s *Simulator) openIDRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		base := baseOf(r)
		writeJSON(w, http.StatusOK, response{
			"issuer": base, "authorization_endpoint": base + "/openid/connect/authorize", "token_endpoint": base + "/api/openid.connect.token",
			"userinfo_endpoint": base + "/api/openid.connect.userInfo", "jwks_uri": base + "/openid/connect/keys",
			"scopes_supported": []string{"openid", "profile", "email"}, "response_types_supported": []string{"code"},
			"response_modes_supported": []string{"form_post"}, "grant_types_supported": []string{"authorization_code"},
			"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
			"claims_supported":           []string{"sub", "auth_time", "iss"},
			"claims_parameter_supported": false, "request_parameter_supported": false, "request_uri_parameter_supported": true,
			"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic"},
		})
	})
	mux.HandleFunc("GET /openid/connect/keys", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{
			Key: s.issuer.key().Public(), KeyID: keyID, Algorithm: string(jose.RS256), Use: "sig",
		}}})
	})
}

// openIDToken answers openid.connect.token.
func openIDToken(c *call) (response, error) {
	a, err := c.client()
	if err != nil {
		return nil, err
	}
	code, err := c.redeem(a)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(code.Granted, "openid") {
		return nil, fail("invalid_code")
	}
	token := "xoxp-" + randomFrom("123456789", 13) + "-" + newSecret(32)
	who := signedIn{code.Team, code.User, code.Granted}
	c.issuer.tokens[token] = who
	id, err := c.idToken(a, who, code.Nonce, token)
	if err != nil {
		return nil, err
	}
	return response{"access_token": token, "token_type": "Bearer", "id_token": id}, nil
}

// idToken signs who somebody is.
func (c *call) idToken(a *App, who signedIn, nonce, token string) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: c.issuer.key(), KeyID: keyID}}, nil)
	if err != nil {
		return "", err
	}
	now := c.now()
	half := sha256.Sum256([]byte(token))
	claims := c.claims(who)
	claims["iss"], claims["aud"] = c.base, a.ClientID
	claims["iat"], claims["exp"], claims["auth_time"] = now.Unix(), now.Add(5*time.Minute).Unix(), now.Unix()
	claims["at_hash"] = base64.RawURLEncoding.EncodeToString(half[:16])
	if nonce != "" {
		claims["nonce"] = nonce
	}
	return jwt.Signed(signer).Claims(map[string]any(claims)).Serialize()
}

// claims are what the granted scopes tell of a person.
func (c *call) claims(who signedIn) response {
	t := c.state.teams[who.team]
	p := t.users[who.user]
	out := response{
		"sub": p.ID, "https://slack.com/user_id": p.ID, "https://slack.com/team_id": t.ID, "https://slack.com/team_name": t.Name, "https://slack.com/team_domain": t.Domain,
	}
	if slices.Contains(who.scopes, "profile") {
		given, family, _ := strings.Cut(p.RealName, " ")
		out["name"], out["given_name"], out["family_name"], out["locale"], out["picture"] = p.RealName, given, family, "en-US", noImage
		for _, size := range []string{"24", "32", "48", "72", "192", "512"} {
			out["https://slack.com/user_image_"+size] = noImage
		}
		for _, size := range []string{"34", "44", "68", "88", "102", "132", "230"} {
			out["https://slack.com/team_image_"+size] = noImage
		}
		out["https://slack.com/team_image_default"] = true
	}
	if slices.Contains(who.scopes, "email") && p.Email != "" {
		out["email"], out["email_verified"], out["date_email_verified"] = p.Email, true, t.Created
	}
	return out
}

// openIDUserInfo answers openid.connect.userInfo, to a token of openid.connect.token.
func openIDUserInfo(c *call) (response, error) {
	who, known := c.issuer.tokens[c.token]
	switch {
	case c.token == "":
		return nil, fail("not_authed")
	case !known:
		return nil, fail("invalid_auth")
	case c.state.teams[who.team].users[who.user].Deleted:
		return nil, fail("account_inactive")
	}
	return c.claims(who), nil
}
