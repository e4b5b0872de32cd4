module cksharden.lab/pause

go 1.26.0
