package recipe

import "fmt"

// deriveHorizon sets the horizon of a cosine rate that leaves it out to the run's steps. Other rates
// have none: there 0 stays, which the hash of the first release's runs holds.
func (r *Recipe) deriveHorizon() {
	if r.Train.LRSchedule == "cosine" && r.Train.LRDecaySteps == 0 {
		r.Train.LRDecaySteps, r.derivedHorizon = r.Train.Steps, true
	}
}

// KeepHorizon takes over the horizon of the run that is continued where this recipe leaves it out: a
// run with more steps goes on as it began.
func (r *Recipe) KeepHorizon(run *Recipe) {
	if r.derivedHorizon && run.Train.LRDecaySteps > 0 {
		r.Train.LRDecaySteps = run.Train.LRDecaySteps
	}
}

// HorizonWarning says which steps lie beyond the horizon of a cosine rate and the rate they run at;
// "" where none do.
func (r *Recipe) HorizonWarning() string {
	t := r.Train
	if t.LRSchedule != "cosine" || t.Steps <= t.LRDecaySteps {
		return ""
	}
	return fmt.Sprintf("train.steps = %d is beyond train.lr_decay_steps = %d: "+
		"steps %d to %d run at a learning rate of %g; "+
		"for a run of %d steps set train.lr_decay_steps = %d when it begins",
		t.Steps, t.LRDecaySteps, t.LRDecaySteps+1, t.Steps, r.Rate(t.Steps-1), t.Steps, t.Steps)
}

// horizonWanted is what a horizon has to be.
func (r *Recipe) horizonWanted() string {
	wanted := "more steps than train.warmup_steps, since train.lr_schedule is cosine"
	if r.derivedHorizon {
		wanted += " (it is left out, which makes it train.steps)"
	}
	return wanted
}
