// Package console is the product's Settings pages for this integration, as a web console: drawn on the server (html/template), made quick with
// htmx where a page would else be loaded anew, and usable without it. It reads the Redis views, writes control records, and waits a moment
// for the views to show them, so that a page says what is true and not what was asked for.
//
// routes.go is the whole of it: each route with the least role that may use it. What a page shows is of the organization of whoever is
// signed in, from keys that carry its id; nothing of a request chooses another. Nothing is fetched from elsewhere, and no script or style
// stands in a page: the content security policy allows what assets/ has, and nothing else.
//
// A form comes from this site or it is turned away: net/http's CrossOriginProtection compares what the browser says of where it comes from,
// and a request on which no browser says anything is refused too. Cookies are SameSite besides.
package console
