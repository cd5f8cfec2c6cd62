package main

import "strings"

// usageOf is cobra's template without the settings on every command's page, where they would be three quarters of it: each is a flag of all commands. The page of
// the program itself has them.
func usageOf(template string) string {
	const inherited = "{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}"
	template = strings.ReplaceAll(template, "\n\nGlobal Flags:\n"+inherited, "\n\nEach setting is a flag too, such as --kafka-brokers: 'backchannel --help' lists them, 'backchannel config' says what is in force.")
	return strings.ReplaceAll(template, "LocalFlags.FlagUsages ", "LocalFlags.FlagUsagesWrapped 120 ")
}
