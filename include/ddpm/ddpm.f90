!> A trained model in Fortran programs: what ddpm.h says, with arrays of any shape and stride.
!>
!>     use ddpm
!>     type(ddpm_generator) :: model
!>     real :: rows(2, 1000)                     ! rows(:, i) is row i
!>     integer :: ierr
!>     call model%open("runs/roll", ierr)
!>     if (ierr /= 0) error stop ddpm_message()
!>     call model%sample(rows, ierr, seed=7_int64)
!>     call model%close()
!>
!> Rows are arrays (column, row) of single or double precision, sections of arrays among them; nothing is copied.
!> Conditions are (condition, row), with one row for all or one for each. Numbers of rows, columns and categories count
!> from 0, as in the files of the program. ierr is 0, or another status, of which ddpm_message() tells more. All is
!> local, without threads and without communication; a generator belongs to one thread at a time.
module ddpm
  use, intrinsic :: iso_c_binding
  use, intrinsic :: iso_fortran_env, only: int64, real32, real64
  implicit none
  private
  public :: ddpm_generator, ddpm_message, int64, real32, real64

  type :: ddpm_generator
    private
    type(c_ptr) :: handle = c_null_ptr
  contains
    procedure :: open, open_bytes, share, adopt, close, set, condition, columns, conditions, column_name, condition_name
    procedure :: column_value, condition_value, category, steps, schedule, transform
    procedure, private :: sample_single, sample_double, complete_single, complete_double
    procedure, private :: likelihood_single, likelihood_double, bound_single, bound_double
    procedure, private :: predict_single, predict_double
    generic :: sample => sample_single, sample_double
    generic :: complete => complete_single, complete_double
    generic :: likelihood => likelihood_single, likelihood_double
    generic :: bound => bound_single, bound_double
    generic :: predict => predict_single, predict_double
  end type

  type, bind(c) :: view_type
    type(c_ptr) :: data = c_null_ptr
    integer(c_int) :: kind = 0
    integer(c_int64_t) :: rows = 0, columns = 0, row_stride = 0, column_stride = 0
  end type

  interface view
    procedure :: view_single, view_double
  end interface

  interface
    integer(c_int) function c_open(path, out) bind(c, name="ddpm_generator_open")
      import
      character(kind=c_char), intent(in) :: path(*)
      type(c_ptr), intent(out) :: out
    end function
    integer(c_int) function c_open_bytes(bytes, count, out) bind(c, name="ddpm_generator_open_bytes")
      import
      character(kind=c_char), intent(in) :: bytes(*)
      integer(c_size_t), value :: count
      type(c_ptr), intent(out) :: out
    end function
    integer(c_int) function c_share(generator, out) bind(c, name="ddpm_generator_share")
      import
      type(c_ptr), value :: generator
      type(c_ptr), intent(out) :: out
    end function
    subroutine c_close(generator) bind(c, name="ddpm_generator_close")
      import
      type(c_ptr), value :: generator
    end subroutine
    integer(c_int) function c_set(generator, key, text) bind(c, name="ddpm_generator_set")
      import
      type(c_ptr), value :: generator
      character(kind=c_char), intent(in) :: key(*), text(*)
    end function
    integer(c_int) function c_condition(generator, text) bind(c, name="ddpm_generator_condition")
      import
      type(c_ptr), value :: generator, text
    end function
    integer(c_int64_t) function c_columns(generator) bind(c, name="ddpm_generator_columns")
      import
      type(c_ptr), value :: generator
    end function
    integer(c_int64_t) function c_conditions(generator) bind(c, name="ddpm_generator_conditions")
      import
      type(c_ptr), value :: generator
    end function
    integer(c_int64_t) function c_steps(generator) bind(c, name="ddpm_generator_steps")
      import
      type(c_ptr), value :: generator
    end function
    type(c_ptr) function c_column_name(generator, i) bind(c, name="ddpm_generator_column_name")
      import
      type(c_ptr), value :: generator
      integer(c_int64_t), value :: i
    end function
    type(c_ptr) function c_condition_name(generator, i) bind(c, name="ddpm_generator_condition_name")
      import
      type(c_ptr), value :: generator
      integer(c_int64_t), value :: i
    end function
    integer(c_int) function c_column_value(generator, i, text, found) bind(c, name="ddpm_generator_column_value")
      import
      type(c_ptr), value :: generator
      integer(c_int64_t), value :: i
      character(kind=c_char), intent(in) :: text(*)
      real(c_double), intent(out) :: found
    end function
    integer(c_int) function c_condition_value(generator, i, text, found) bind(c, name="ddpm_generator_condition_value")
      import
      type(c_ptr), value :: generator
      integer(c_int64_t), value :: i
      character(kind=c_char), intent(in) :: text(*)
      real(c_double), intent(out) :: found
    end function
    type(c_ptr) function c_category(generator, i, number) bind(c, name="ddpm_generator_category")
      import
      type(c_ptr), value :: generator
      integer(c_int64_t), value :: i
      real(c_double), value :: number
    end function
    subroutine c_schedule(generator, beta, alpha_bar) bind(c, name="ddpm_generator_schedule")
      import
      type(c_ptr), value :: generator
      real(c_double), intent(out) :: beta(*), alpha_bar(*)
    end subroutine
    subroutine c_transform(generator, mean, scale) bind(c, name="ddpm_generator_transform")
      import
      type(c_ptr), value :: generator
      real(c_double), intent(out) :: mean(*), scale(*)
    end subroutine
    integer(c_int) function c_sample(generator, seed, first, conditions, rows) bind(c, name="ddpm_generator_sample")
      import
      type(c_ptr), value :: generator, conditions
      integer(c_int64_t), value :: seed, first
      type(view_type), intent(in) :: rows
    end function
    integer(c_int) function c_complete(generator, seed, first, passes, conditions, rows) &
        bind(c, name="ddpm_generator_complete")
      import
      type(c_ptr), value :: generator, conditions
      integer(c_int64_t), value :: seed, first, passes
      type(view_type), intent(in) :: rows
    end function
    integer(c_int) function c_likelihood(generator, seed, first, probes, conditions, rows, found) &
        bind(c, name="ddpm_generator_likelihood")
      import
      type(c_ptr), value :: generator, conditions
      integer(c_int64_t), value :: seed, first, probes
      type(view_type), intent(in) :: rows
      real(c_double), intent(out) :: found(*)
    end function
    integer(c_int) function c_bound(generator, seed, first, conditions, rows, found) bind(c, name="ddpm_generator_bound")
      import
      type(c_ptr), value :: generator, conditions
      integer(c_int64_t), value :: seed, first
      type(view_type), intent(in) :: rows
      real(c_double), intent(out) :: found(*)
    end function
    integer(c_int) function c_predict(generator, xt, t, conditions, prediction) bind(c, name="ddpm_generator_predict")
      import
      type(c_ptr), value :: generator, conditions
      type(view_type), intent(in) :: xt, prediction
      integer(c_int64_t), intent(in) :: t(*)
    end function
    type(c_ptr) function c_message() bind(c, name="ddpm_error_message")
      import
    end function
    integer(c_size_t) function c_length(text) bind(c, name="strlen")
      import
      type(c_ptr), value :: text
    end function
  end interface

contains

  ! ---- texts and views ----

  function from_c(text) result(found)
    type(c_ptr), intent(in) :: text
    character(:), allocatable :: found
    character(kind=c_char), pointer :: letters(:)
    integer :: i
    call c_f_pointer(text, letters, [c_length(text)])
    allocate (character(size(letters)) :: found)
    do i = 1, size(letters)
      found(i:i) = letters(i)
    end do
  end function

  !> The message of this thread's last failure.
  function ddpm_message() result(found)
    character(:), allocatable :: found
    found = from_c(c_message())
  end function

  pure integer(c_int64_t) function distance(from, to)
    type(c_ptr), intent(in) :: from, to
    distance = transfer(to, 0_c_int64_t) - transfer(from, 0_c_int64_t)
  end function

  function view_single(rows) result(v)
    real(real32), intent(in), target :: rows(:, :)
    type(view_type) :: v
    v%kind = 0
    v%columns = size(rows, 1)
    v%rows = size(rows, 2)
    if (size(rows) > 0) v%data = c_loc(rows(1, 1))
    if (v%columns > 1) v%column_stride = distance(c_loc(rows(1, 1)), c_loc(rows(2, 1)))/4
    if (v%rows > 1) v%row_stride = distance(c_loc(rows(1, 1)), c_loc(rows(1, 2)))/4
  end function

  function view_double(rows) result(v)
    real(real64), intent(in), target :: rows(:, :)
    type(view_type) :: v
    v%kind = 1
    v%columns = size(rows, 1)
    v%rows = size(rows, 2)
    if (size(rows) > 0) v%data = c_loc(rows(1, 1))
    if (v%columns > 1) v%column_stride = distance(c_loc(rows(1, 1)), c_loc(rows(2, 1)))/8
    if (v%rows > 1) v%row_stride = distance(c_loc(rows(1, 1)), c_loc(rows(1, 2)))/8
  end function

  !> The address of a view of conditions, or of none where there are none. v is where the view is kept.
  type(c_ptr) function conditions_view(v, conditions)
    type(view_type), intent(out), target :: v
    real(real64), intent(in), optional, target :: conditions(:, :)
    conditions_view = c_null_ptr
    if (.not. present(conditions)) return
    v = view_double(conditions)
    conditions_view = c_loc(v)
  end function

  pure integer(c_int64_t) function or_else(given, default)
    integer(int64), intent(in), optional :: given
    integer(int64), intent(in) :: default
    or_else = default
    if (present(given)) or_else = given
  end function

  ! ---- opening ----

  !> Read a checkpoint, or the latest one of a run folder.
  subroutine open(self, checkpoint, ierr)
    class(ddpm_generator), intent(inout) :: self
    character(*), intent(in) :: checkpoint
    integer, intent(out) :: ierr
    call self%close()
    ierr = c_open(trim(checkpoint)//c_null_char, self%handle)
  end subroutine

  !> The same for the bytes of a checkpoint file.
  subroutine open_bytes(self, bytes, ierr)
    class(ddpm_generator), intent(inout) :: self
    character(*), intent(in) :: bytes
    integer, intent(out) :: ierr
    call self%close()
    ierr = c_open_bytes(bytes, len(bytes, c_size_t), self%handle)
  end subroutine

  !> Another generator with the same weights in memory, for another thread.
  subroutine share(self, other, ierr)
    class(ddpm_generator), intent(in) :: self
    type(ddpm_generator), intent(inout) :: other
    integer, intent(out) :: ierr
    call other%close()
    ierr = c_share(self%handle, other%handle)
  end subroutine

  !> Take over a generator of C, a ddpm_generator *, which close frees.
  subroutine adopt(self, handle)
    class(ddpm_generator), intent(inout) :: self
    type(c_ptr), intent(in) :: handle
    call self%close()
    self%handle = handle
  end subroutine

  !> Free it. It is not freed by itself, since copies of it may be in use.
  subroutine close(self)
    class(ddpm_generator), intent(inout) :: self
    call c_close(self%handle)
    self%handle = c_null_ptr
  end subroutine

  ! ---- settings, conditions, and what the model is ----

  !> Set a key of the section `sampling`: call model%set("sampling.steps", "20", ierr).
  subroutine set(self, key, text, ierr)
    class(ddpm_generator), intent(in) :: self
    character(*), intent(in) :: key, text
    integer, intent(out) :: ierr
    ierr = c_set(self%handle, trim(key)//c_null_char, trim(text)//c_null_char)
  end subroutine

  !> Give all rows a condition, "label=3"; without a text, take all away.
  subroutine condition(self, ierr, text)
    class(ddpm_generator), intent(in) :: self
    integer, intent(out) :: ierr
    character(*), intent(in), optional :: text
    character(:, kind=c_char), allocatable, target :: copy
    if (present(text)) then
      copy = text//c_null_char
      ierr = c_condition(self%handle, c_loc(copy))
    else
      ierr = c_condition(self%handle, c_null_ptr)
    end if
  end subroutine

  integer(int64) function columns(self)
    class(ddpm_generator), intent(in) :: self
    columns = c_columns(self%handle)
  end function

  integer(int64) function conditions(self)
    class(ddpm_generator), intent(in) :: self
    conditions = c_conditions(self%handle)
  end function

  !> T, the steps of the schedule.
  integer(int64) function steps(self)
    class(ddpm_generator), intent(in) :: self
    steps = c_steps(self%handle)
  end function

  function column_name(self, i) result(found)
    class(ddpm_generator), intent(in) :: self
    integer, intent(in) :: i
    character(:), allocatable :: found
    found = from_c(c_column_name(self%handle, int(i, c_int64_t)))
  end function

  function condition_name(self, i) result(found)
    class(ddpm_generator), intent(in) :: self
    integer, intent(in) :: i
    character(:), allocatable :: found
    found = from_c(c_condition_name(self%handle, int(i, c_int64_t)))
  end function

  !> The number that stands for a category of a column, or for a class of a condition.
  subroutine column_value(self, i, text, found, ierr)
    class(ddpm_generator), intent(in) :: self
    integer, intent(in) :: i
    character(*), intent(in) :: text
    real(real64), intent(out) :: found
    integer, intent(out) :: ierr
    ierr = c_column_value(self%handle, int(i, c_int64_t), text//c_null_char, found)
  end subroutine

  subroutine condition_value(self, i, text, found, ierr)
    class(ddpm_generator), intent(in) :: self
    integer, intent(in) :: i
    character(*), intent(in) :: text
    real(real64), intent(out) :: found
    integer, intent(out) :: ierr
    ierr = c_condition_value(self%handle, int(i, c_int64_t), text//c_null_char, found)
  end subroutine

  function category(self, i, number) result(found)
    class(ddpm_generator), intent(in) :: self
    integer, intent(in) :: i
    real(real64), intent(in) :: number
    character(:), allocatable :: found
    found = from_c(c_category(self%handle, int(i, c_int64_t), number))
  end function

  !> beta and alpha_bar of steps 0 to T.
  subroutine schedule(self, beta, alpha_bar)
    class(ddpm_generator), intent(in) :: self
    real(real64), allocatable, intent(out) :: beta(:), alpha_bar(:)
    allocate (beta(0:self%steps()), alpha_bar(0:self%steps()))
    call c_schedule(self%handle, beta, alpha_bar)
  end subroutine

  !> The network sees (value - mean) / scale.
  subroutine transform(self, mean, scale)
    class(ddpm_generator), intent(in) :: self
    real(real64), allocatable, intent(out) :: mean(:), scale(:)
    allocate (mean(self%columns()), scale(self%columns()))
    call c_transform(self%handle, mean, scale)
  end subroutine

  ! ---- rows of single precision ----

  !> Make rows first, first + 1, ... of a seed; both are 0 by default.
  subroutine sample_single(self, rows, ierr, seed, first, conditions)
    class(ddpm_generator), intent(in) :: self
    real(real32), intent(inout), target :: rows(:, :)
    integer, intent(out) :: ierr
    integer(int64), intent(in), optional :: seed, first
    real(real64), intent(in), optional, target :: conditions(:, :)
    type(view_type), target :: v
    ierr = c_sample(self%handle, or_else(seed, 0_int64), or_else(first, 0_int64), conditions_view(v, conditions), &
                    view(rows))
  end subroutine

  !> Draw what is NaN in rows; each reverse step is taken `passes` times, 10 by default.
  subroutine complete_single(self, rows, ierr, seed, first, passes, conditions)
    class(ddpm_generator), intent(in) :: self
    real(real32), intent(inout), target :: rows(:, :)
    integer, intent(out) :: ierr
    integer(int64), intent(in), optional :: seed, first, passes
    real(real64), intent(in), optional, target :: conditions(:, :)
    type(view_type), target :: v
    ierr = c_complete(self%handle, or_else(seed, 0_int64), or_else(first, 0_int64), or_else(passes, 10_int64), &
                      conditions_view(v, conditions), view(rows))
  end subroutine

  !> The log-likelihood of each row, in nats; probes 0: exact, -1 (the default): exact up to 16 columns, else by 1 probe.
  subroutine likelihood_single(self, rows, found, ierr, seed, first, probes, conditions)
    class(ddpm_generator), intent(in) :: self
    real(real32), intent(in), target :: rows(:, :)
    real(real64), intent(out) :: found(size(rows, 2))
    integer, intent(out) :: ierr
    integer(int64), intent(in), optional :: seed, first, probes
    real(real64), intent(in), optional, target :: conditions(:, :)
    type(view_type), target :: v
    ierr = c_likelihood(self%handle, or_else(seed, 0_int64), or_else(first, 0_int64), or_else(probes, -1_int64), &
                        conditions_view(v, conditions), view(rows), found)
  end subroutine

  !> The bound of the negative log-likelihood of each row, in nats.
  subroutine bound_single(self, rows, found, ierr, seed, first, conditions)
    class(ddpm_generator), intent(in) :: self
    real(real32), intent(in), target :: rows(:, :)
    real(real64), intent(out) :: found(size(rows, 2))
    integer, intent(out) :: ierr
    integer(int64), intent(in), optional :: seed, first
    real(real64), intent(in), optional, target :: conditions(:, :)
    type(view_type), target :: v
    ierr = c_bound(self%handle, or_else(seed, 0_int64), or_else(first, 0_int64), conditions_view(v, conditions), &
                   view(rows), found)
  end subroutine

  !> What the network says of standardised rows at steps t, one for each row.
  subroutine predict_single(self, xt, t, prediction, ierr, conditions)
    class(ddpm_generator), intent(in) :: self
    real(real32), intent(in), target :: xt(:, :)
    integer(int64), intent(in) :: t(size(xt, 2))
    real(real32), intent(inout), target :: prediction(:, :)
    integer, intent(out) :: ierr
    real(real64), intent(in), optional, target :: conditions(:, :)
    type(view_type), target :: v
    ierr = c_predict(self%handle, view(xt), t, conditions_view(v, conditions), view(prediction))
  end subroutine

  ! ---- rows of double precision ----

  !> Make rows first, first + 1, ... of a seed; both are 0 by default.
  subroutine sample_double(self, rows, ierr, seed, first, conditions)
    class(ddpm_generator), intent(in) :: self
    real(real64), intent(inout), target :: rows(:, :)
    integer, intent(out) :: ierr
    integer(int64), intent(in), optional :: seed, first
    real(real64), intent(in), optional, target :: conditions(:, :)
    type(view_type), target :: v
    ierr = c_sample(self%handle, or_else(seed, 0_int64), or_else(first, 0_int64), conditions_view(v, conditions), &
                    view(rows))
  end subroutine

  !> Draw what is NaN in rows; each reverse step is taken `passes` times, 10 by default.
  subroutine complete_double(self, rows, ierr, seed, first, passes, conditions)
    class(ddpm_generator), intent(in) :: self
    real(real64), intent(inout), target :: rows(:, :)
    integer, intent(out) :: ierr
    integer(int64), intent(in), optional :: seed, first, passes
    real(real64), intent(in), optional, target :: conditions(:, :)
    type(view_type), target :: v
    ierr = c_complete(self%handle, or_else(seed, 0_int64), or_else(first, 0_int64), or_else(passes, 10_int64), &
                      conditions_view(v, conditions), view(rows))
  end subroutine

  !> The log-likelihood of each row, in nats; probes 0: exact, -1 (the default): exact up to 16 columns, else by 1 probe.
  subroutine likelihood_double(self, rows, found, ierr, seed, first, probes, conditions)
    class(ddpm_generator), intent(in) :: self
    real(real64), intent(in), target :: rows(:, :)
    real(real64), intent(out) :: found(size(rows, 2))
    integer, intent(out) :: ierr
    integer(int64), intent(in), optional :: seed, first, probes
    real(real64), intent(in), optional, target :: conditions(:, :)
    type(view_type), target :: v
    ierr = c_likelihood(self%handle, or_else(seed, 0_int64), or_else(first, 0_int64), or_else(probes, -1_int64), &
                        conditions_view(v, conditions), view(rows), found)
  end subroutine

  !> The bound of the negative log-likelihood of each row, in nats.
  subroutine bound_double(self, rows, found, ierr, seed, first, conditions)
    class(ddpm_generator), intent(in) :: self
    real(real64), intent(in), target :: rows(:, :)
    real(real64), intent(out) :: found(size(rows, 2))
    integer, intent(out) :: ierr
    integer(int64), intent(in), optional :: seed, first
    real(real64), intent(in), optional, target :: conditions(:, :)
    type(view_type), target :: v
    ierr = c_bound(self%handle, or_else(seed, 0_int64), or_else(first, 0_int64), conditions_view(v, conditions), &
                   view(rows), found)
  end subroutine

  !> What the network says of standardised rows at steps t, one for each row.
  subroutine predict_double(self, xt, t, prediction, ierr, conditions)
    class(ddpm_generator), intent(in) :: self
    real(real64), intent(in), target :: xt(:, :)
    integer(int64), intent(in) :: t(size(xt, 2))
    real(real64), intent(inout), target :: prediction(:, :)
    integer, intent(out) :: ierr
    real(real64), intent(in), optional, target :: conditions(:, :)
    type(view_type), target :: v
    ierr = c_predict(self%handle, view(xt), t, conditions_view(v, conditions), view(prediction))
  end subroutine

end module ddpm
