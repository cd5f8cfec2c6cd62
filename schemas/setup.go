package schemas

// What the setup prompt says to the interactions that answer it.
const (
	// SetupAction is the action id of the prompt's button. Its value is the id of the channel, which need not be the one that the prompt is in.
	SetupAction = "setup_channel"
	// SetupBlock is the block id of the actions block that holds it.
	SetupBlock = "setup"
	// FromSlack is the Source of an association that was made in the setup modal.
	FromSlack = "slack"
)
