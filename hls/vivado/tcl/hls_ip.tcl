# The accelerator of the HLS backend: csynth.tcl in work/hls, whatever the release calls the program.

# {program arguments...} that runs a script, or an error that says where it was looked for.
proc hls_command {} {
  set forms {vitis_hls {-f} vivado_hls {-f} vitis-run {--mode hls --tcl}}
  if {[info exists ::env(VITIS_HLS)]} {
    set name [file tail $::env(VITIS_HLS)]
    set arguments [expr {[dict exists $forms $name] ? [dict get $forms $name] : "-f"}]
    return [concat [list $::env(VITIS_HLS)] $arguments]
  }
  dict for {name arguments} $forms {
    set found [auto_execok $name]
    if {$found ne ""} {
      return [concat $found $arguments]
    }
  }
  error "none of [join [dict keys $forms] {, }] is on the PATH; VITIS_HLS can name the program"
}

# All files of that name within a folder.
proc files_named {folder name} {
  set result [glob -nocomplain -types f -directory $folder $name]
  foreach inner [glob -nocomplain -types d -directory $folder *] {
    set result [concat $result [files_named $inner $name]]
  }
  return $result
}

# Synthesize and export; returns the IP repository.
proc hls_ip {here work} {
  say_step 2 "high-level synthesis"
  set command [hls_command]
  set folder [file join $work hls]
  file copy [file join $here hls] $folder
  set start [pwd]
  cd $folder
  set failed [catch {exec {*}$command csynth.tcl >@stdout 2>@1} message]
  cd $start
  if {$failed} {
    error "[lindex $command 0] failed: $message"
  }
  set exported [files_named $folder component.xml]
  if {[llength $exported] == 0} {
    error "[lindex $command 0] exported no IP: no component.xml in $folder"
  }
  return [file dirname [lindex $exported 0]]
}
