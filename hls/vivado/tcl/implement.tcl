# Synthesis, place and route; a second and third strategy where timing is missed; results into out/.

# Wait for a run and make sure that it did all it was asked to. A run is a process with a log of its own, whose
# end is what tells the reason.
proc finish_run {run} {
  wait_on_run $run
  set status [get_property STATUS [get_runs $run]]
  if {[get_property PROGRESS [get_runs $run]] ne "100%"} {
    set log [file join [get_property DIRECTORY [get_runs $run]] runme.log]
    if {[file exists $log]} {
      puts "end of $log:"
      puts [join [lrange [split [read_text $log] "\n"] end-40 end] "\n"]
    }
    error "$run stopped: $status"
  }
}

proc parallel_jobs {} {
  return [expr {[info exists ::env(PIXELMEND_JOBS)] ? $::env(PIXELMEND_JOBS) : 4}]
}

# The first file that matches one of the patterns.
proc the_file {what args} {
  foreach pattern $args {
    set found [lsort [glob -nocomplain $pattern]]
    if {[llength $found] > 0} {
      return [lindex $found 0]
    }
  }
  error "Vivado left no $what: looked for [join $args { and }]"
}

proc synthesize {} {
  say_step 5 "generating the block design's products"
  set file [get_files pixelmend_shell.bd]
  # In one run with the rest: one log, and nothing is kept from being optimized across the IP's borders.
  set_property synth_checkpoint_mode None $file
  generate_target all $file
  make_wrapper -files $file -import -fileset sources_1 -top
  set_property top pixelmend_shell_wrapper [get_filesets sources_1]
  update_compile_order -fileset sources_1
  say_step 6 "synthesis"
  # The default strategy: those for speed keep LUTs from being shared, and LUTs are what is short.
  launch_runs synth_1 -jobs [parallel_jobs]
  finish_run synth_1
}

# One implementation, bitstream included; its reports go to `folder`. Returns the worst slack in ns, setup or hold.
proc implement_with {strategy folder} {
  set run [get_runs impl_1]
  reset_run impl_1
  set_property strategy $strategy $run
  # Cheap beside the rest, and often what is missing at the end.
  set_property STEPS.PHYS_OPT_DESIGN.IS_ENABLED true $run
  set_property STEPS.POST_ROUTE_PHYS_OPT_DESIGN.IS_ENABLED true $run
  set_property STEPS.POST_ROUTE_PHYS_OPT_DESIGN.ARGS.DIRECTIVE AggressiveExplore $run
  launch_runs impl_1 -to_step write_bitstream -jobs [parallel_jobs]
  finish_run impl_1
  file mkdir $folder
  open_run impl_1
  report_utilization -file [file join $folder utilization.rpt]
  report_utilization -hierarchical -hierarchical_depth 4 -file [file join $folder utilization_hierarchical.rpt]
  report_timing_summary -delay_type min_max -max_paths 10 -file [file join $folder timing.rpt]
  close_design
  return [expr {min([get_property STATS.WNS $run], [get_property STATS.WHS $run])}]
}

# Returns whether timing is met. Where it is not, out/ holds the reports of the best attempt and no bitstream.
proc implement {design work out} {
  synthesize
  set best {}
  foreach strategy [dict get $design strategies] {
    say_step 7 "place and route, $strategy"
    set folder [file join $work reports $strategy]
    set slack [implement_with $strategy $folder]
    puts "PIXELMEND SLACK $slack $strategy"
    if {$best eq {} || $slack > $best} {
      set best $slack
      foreach report [glob -directory $folder *.rpt] {
        file copy -force $report $out
      }
      write_text [file join $out strategy.txt] "$strategy\n"
    }
    if {$slack >= 0} {
      break
    }
  }
  if {$best < 0} {
    return 0
  }
  say_step 8 "collecting the results"
  set shell [file join $work shell]
  file copy [the_file bitstream [file join $shell shell.runs impl_1 *.bit]] [file join $out pixelmend.bit]
  # Up to 2020.1 generated files lie among the sources.
  set places {}
  foreach generated {gen srcs} {
    lappend places [file join $shell shell.$generated sources_1 bd pixelmend_shell hw_handoff *.hwh]
  }
  file copy [the_file "hardware handoff" {*}$places] [file join $out pixelmend.hwh]
  return 1
}

# io.json with the digests of what was built, which the board's driver checks.
proc say_digests {here out} {
  set text [read_text [file join $here io.json]]
  foreach name {pixelmend.bit pixelmend.hwh} {
    if {[catch {lindex [exec sha256sum [file join $out $name]] 0} digest]} {
      puts "PIXELMEND NOTE sha256sum is missing; io.json goes without digests"
      break
    }
    set text [string map [list "\"$name\": null" "\"$name\": \"$digest\""] $text]
  }
  write_text [file join $out io.json] $text
}
