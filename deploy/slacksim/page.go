package slacksim

import "net/http"

func (s *Simulator) pageRoutes(*http.ServeMux) {}
