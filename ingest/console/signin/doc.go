// Package signin says who somebody at the console is: OpenID Connect with Slack or any other issuer, people of the directory by verified
// email, and sessions in Redis.
//
// A sign-in has a state that is good once and for ten minutes, bound to the browser that began it by a cookie, a nonce, and PKCE (RFC 7636)
// where the issuer says that it knows it, which Slack's does not. The issuer's signature, audience, expiry and nonce are checked (go-oidc).
//
// A session is a random id in a cookie, and what it means in Redis under the id's hash. It is made anew whenever somebody signs in, so that
// an id that somebody else has planted is worth nothing; ends after twelve hours, by signing out here or everywhere, and at once when the
// directory no longer has the person with this email, or has them disabled. The role is the directory's at each request.
//
// Over https the cookies are __Host- cookies: Secure, of this host alone. Over plain http, which is taken on a loopback address only (the
// demo), they are neither, since not every browser keeps a Secure cookie that came by http.
package signin
